import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGate, type Admission, type Attestor, type Evidence, type Gate, type GateFailure, type GateOptions, type Guarded, type Policy } from '@portcullis/core';
import { fakeDefinition, findingsOf, hasValue, stubPolicy } from '@portcullis/core/testing';
import { LinuxAttestor, linuxListenPort, LinuxPeerSource } from '@portcullis/attestor-linux';
import { requireFeature } from '@portcullis/testkit';
import type { Context } from 'mocha';
import { CLIENTS, type Seen } from './clients.js';

export function needLinux(ctx: Context): void {
  requireFeature(ctx, 'linux', process.platform === 'linux', 'the gate stands before real sockets with the Linux attestor');
}

/** Says which process it is, as the kernel said when it connected: lets a test admit the one client and refuse the other. */
export const byPid: Attestor = {
  name: 'by-pid',
  selectors: [fakeDefinition('test:pid')],
  attest: (peer) => findingsOf({ 'test:pid': peer.credentials.pid }),
};

/**
 * A real gate, real sockets, real clients in processes of their own. The peer source, the attestor and the safe listen are
 * the Linux ones; the policy is a stub that admits the processes of `admitted`, if the kernel agrees that they are ours.
 */
export class Harness {
  readonly folder = mkdtempSync(join(tmpdir(), 'portcullis-gate-'));
  readonly path = join(this.folder, 'gate.sock');
  readonly admitted = new Set<number>();
  readonly failures: GateFailure[] = [];
  readonly records: Admission[] = [];
  readonly #gates: Gate[] = [];
  readonly #children = new Set<ChildProcess>();

  constructor() {
    chmodSync(this.folder, 0o755);
  }

  policy(keys: Parameters<typeof stubPolicy>[0] = {}): Policy {
    return stubPolicy({
      keys: ['unix:uid', 'unix:path', 'test:pid'],
      allow: (evidence) => this.admits(evidence) && { rule: 'ours', grant: { role: 'tester' } },
      ...keys,
    });
  }

  admits(evidence: Evidence): boolean {
    return hasValue(evidence, 'unix:uid', (uid) => uid === process.getuid?.())
      && hasValue(evidence, 'unix:path', (path) => typeof path === 'string' && path.startsWith('/'))
      && hasValue(evidence, 'test:pid', (pid) => this.admitted.has(pid as number));
  }

  async gate(options: Partial<GateOptions> = {}): Promise<Gate> {
    const gate = await createGate({
      policy: this.policy(),
      peerSource: new LinuxPeerSource(),
      attestors: [new LinuxAttestor(), byPid],
      listenPort: linuxListenPort(),
      sink: { record: (admission) => { this.records.push(admission); } },
      ...options,
    });
    gate.on('failed', (failure) => { this.failures.push(failure); });
    this.#gates.push(gate);
    return gate;
  }

  /** A gate before `target` at `path`. */
  async serve(target: Guarded, options: Partial<GateOptions> = {}): Promise<Gate> {
    const gate = await this.gate(options);
    await gate.listen(target, { path: this.path });
    return gate;
  }

  admittedClient(kind: string, asked: object = {}): Promise<Seen> {
    return this.#client(kind, asked, true);
  }

  refusedClient(kind: string, asked: object = {}): Promise<Seen> {
    return this.#client(kind, asked, false);
  }

  async #client(kind: string, asked: object, admit: boolean): Promise<Seen> {
    const { stdout } = await this.run(process.execPath, [CLIENTS, kind, this.path, JSON.stringify(asked)], admit);
    return JSON.parse(stdout) as Seen;
  }

  /** Runs another program as an admitted or as a refused client. It cannot connect before this turn ends. */
  run(program: string, args: readonly string[], admit: boolean, input?: string | Buffer): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
    return new Promise((resolve) => {
      const child = execFile(program, args, { maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
        const code: unknown = error === null ? 0 : error.code;
        resolve({ code: typeof code === 'number' ? code : null, stdout, stderr });
      });
      this.#keep(child, admit);
      child.stdin?.on('error', () => undefined).end(input);
    });
  }

  /** Starts a script that stays, as an admitted or a refused client. */
  start(script: string, args: readonly string[], admit: boolean): ChildProcess {
    const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
    this.#keep(child, admit);
    return child;
  }

  #keep(child: ChildProcess, admit: boolean): void {
    this.#children.add(child);
    child.once('exit', () => { this.#children.delete(child); });
    if (admit && child.pid !== undefined) this.admitted.add(child.pid);
  }

  async close(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    for (const gate of this.#gates) {
      gate.destroy();
      await gate.close({ drainMs: 0 });
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Waits until something is so; mocha's own time limit ends what never will be. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(5);
}

/** What the descriptors of this process lead to, counted by kind: `anon_inode:[pidfd]`, `socket`, `/path`. */
export function descriptors(pid: number | 'self' = 'self'): number {
  return readdirSync(`/proc/${String(pid)}/fd`).length;
}

/** How many pidfds this process holds. */
export function pidfds(): number {
  let count = 0;
  for (const fd of readdirSync('/proc/self/fdinfo')) {
    try {
      if (/^Pid:/m.test(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))) count += 1;
    } catch { /* closed meanwhile: the folder's own descriptor */ }
  }
  return count;
}

/** A self-signed certificate of `localhost` that lives for this run. */
export function certificate(ctx: Context, folder: string): { readonly key: Buffer; readonly cert: Buffer } {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', cert, '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-days', '2'];
  let made = true;
  try {
    execFileSync('openssl', args, { stdio: 'ignore' });
  } catch {
    made = false;
  }
  requireFeature(ctx, 'openssl', made, 'no openssl here to make a certificate with');
  return { key: readFileSync(key), cert: readFileSync(cert) };
}
