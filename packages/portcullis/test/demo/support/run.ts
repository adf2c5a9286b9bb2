import assert from 'node:assert/strict';
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

export const MAIN = join(import.meta.dirname, '../../../dist/demo/main.js');

/** A line of `--json`. */
export type Event = Readonly<Record<string, unknown>> & { readonly event: string };

export interface RunOptions {
  readonly uid?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Runs the demo by this program and these arguments. */
  readonly by?: readonly string[];
}

/** A demo that runs as a process of its own. */
export class DemoRun {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  readonly events: Event[] = [];
  /** What was printed beside the records, or with no `--json` all of it. */
  text = '';
  readonly #ended: Promise<unknown>;
  readonly #waiting: { readonly fits: (event: Event) => boolean; readonly take: (event: Event) => void }[] = [];

  constructor(args: readonly string[], { uid, env, by = [] }: RunOptions = {}) {
    const [command = process.execPath, ...rest] = [...by, process.execPath, MAIN, ...args];
    const other = uid === undefined ? {} : { uid, gid: uid };
    this.child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'], cwd: '/', env: { ...env }, timeout: 50_000, ...other });
    this.#ended = once(this.child, 'close');
    this.child.stderr.setEncoding('utf8').on('data', (part: string) => { this.text += part; });
    createInterface(this.child.stdout).on('line', (line) => {
      if (args.includes('--json')) this.#take(JSON.parse(line) as Event);
      else this.text += `${line}\n`;
    });
  }

  /** The exit code, or the signal that ended it. */
  async end(): Promise<number | string | null> {
    await this.#ended;
    return this.child.exitCode ?? this.child.signalCode;
  }

  /** The first event that fits, now or later. */
  async event(fits: (event: Event) => boolean): Promise<Event> {
    const seen = this.events.find(fits);
    if (seen !== undefined) return seen;
    const none = this.#ended.then(() => { throw new Error(`the demo ended before the event: ${this.text}`); });
    return Promise.race([none, new Promise<Event>((take) => { this.#waiting.push({ fits, take }); })]);
  }

  /** The temporary folder. */
  async folder(): Promise<string> {
    const { path } = await this.event(({ event }) => event === 'listening');
    assert.equal(typeof path, 'string');
    return dirname(String(path));
  }

  /** What was decided on whom: `allow rule`, `skipped`. */
  outcomes(): Readonly<Record<string, string>> {
    const outcomes: Record<string, string> = {};
    for (const { event, name, decision, cause } of this.events) {
      if (event === 'demo-peer') outcomes[String(name)] = `${String(decision)} ${String(cause)}`;
      else if (event === 'demo-skipped') outcomes[String(name)] = 'skipped';
    }
    return outcomes;
  }

  #take(event: Event): void {
    this.events.push(event);
    for (const { fits, take } of this.#waiting) if (fits(event)) take(event);
  }
}

/** Processes that were started from a folder, or told of it. */
export function processesOf(folder: string): readonly string[] {
  return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid)).map(commandOf).filter((command) => command.includes(folder));
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return ''; // gone
  }
}
