import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Context } from 'mocha';
import { requireFeature, requireRoot } from '@portcullis/testkit';

const DAEMON = '/usr/bin/dbus-daemon';
const PYTHON = '/usr/bin/python3';
const SERVICE = fileURLToPath(new URL('../../test/support/service.py', import.meta.url));
export const NOBODY = 65534;
/** What ours complained of. */
const said = new WeakMap<ChildProcess, string>();

/** What ours was asked, in its own words. */
const questions = new WeakMap<ChildProcess, () => readonly string[]>();
export type ServiceMode = 'honest' | 'silent' | 'huge' | 'old' | 'forbids' | 'elsewhere';

export interface MockUnit {
  readonly id: string;
  readonly cgroup: string;
  readonly fragment: string;
  readonly invocation: string;
}

/** A real dbus-daemon, and services on it that another D-Bus library offers. */
export class Buses {
  readonly folder = mkdtempSync('/run/portcullis-bus-');
  readonly path = join(this.folder, 'bus');
  readonly #children: ChildProcess[] = [];

  /** In `before`, so that hooks which use what was not made do not run. */
  static need(ctx: Context): void {
    requireRoot(ctx, 'plays a manager of root and one of another user');
    requireFeature(ctx, 'dbus', existsSync(DAEMON), 'needs dbus-daemon');
    requireFeature(ctx, 'dbus', spawnSync(PYTHON, ['-c', 'import dbus, gi.repository.GLib']).status === 0, 'needs python3-dbus and python3-gi');
  }

  /** Starts the daemon at `path`, as another user where one is given. */
  async daemon(uid = 0): Promise<ChildProcess> {
    const config = join(this.folder, 'bus.conf');
    writeFileSync(config, `<busconfig><listen>unix:path=${this.path}</listen><auth>EXTERNAL</auth><policy context="default">
      <allow user="*"/><allow own="*"/><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/></policy></busconfig>`);
    chmodSync(this.folder, 0o777);
    rmSync(this.path, { force: true });
    const child = this.#spawn(uid, DAEMON, ['--nofork', '--nopidfile', '--nosyslog', `--config-file=${config}`]);
    await until(() => existsSync(this.path), child);
    return child;
  }

  async service(units: Readonly<Record<string, MockUnit>>, mode: ServiceMode = 'honest', uid = 0): Promise<ChildProcess> {
    const child = this.#spawn(uid, PYTHON, [SERVICE, `unix:path=${this.path}`]);
    let heard = '';
    child.stdout?.setEncoding('utf8').on('data', (some: string) => { heard += some; });
    child.stdin?.write(`${JSON.stringify({ units, mode })}\n`);
    await until(() => heard.startsWith('ready\n'), child);
    questions.set(child, () => heard.split('\n').slice(1, -1));
    return child;
  }

  /** The questions for units that a service got: `GetUnitByPID`, and how many descriptors it had by then. */
  asked(service: ChildProcess): readonly (readonly [question: string, descriptors: number])[] {
    return (questions.get(service)?.() ?? []).map((line) => [line.split(' ')[0] ?? '', Number(line.split(' ')[1])]);
  }

  /** Ends one of ours, and waits until it is gone. */
  async end(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }

  async close(): Promise<void> {
    for (const child of this.#children.reverse()) await this.end(child);
    rmSync(this.folder, { recursive: true, force: true });
  }

  #spawn(uid: number, program: string, args: readonly string[]): ChildProcess {
    const become = ['--reuid', String(uid), '--regid', String(uid), '--clear-groups', program, ...args];
    const child = spawn(uid === 0 ? program : '/usr/bin/setpriv', uid === 0 ? args : become, { stdio: ['pipe', 'pipe', 'pipe'], cwd: '/' });
    child.stderr.setEncoding('utf8').on('data', (some: string) => { said.set(child, `${said.get(child) ?? ''}${some}`); });
    this.#children.push(child);
    return child;
  }
}

async function until(met: () => boolean, child: ChildProcess): Promise<void> {
  while (!met()) {
    if (child.exitCode !== null) throw new Error(`${child.spawnargs.join(' ')} ended with ${String(child.exitCode)}: ${said.get(child)?.slice(-600) ?? ''}`);
    await sleep(20);
  }
}
