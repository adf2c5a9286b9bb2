import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { BIN } from './run.js';

export type Line = Readonly<Record<string, unknown>> & { readonly event: string };

/** A gateway that runs as a process of its own. */
export class Serving {
  readonly child: ChildProcess;
  readonly lines: string[] = [];
  stderr = '';
  readonly exited: Promise<number | null>;
  #rest = '';

  private constructor(child: ChildProcess) {
    this.child = child;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const parts = (this.#rest + text).split('\n');
      this.#rest = parts.pop() ?? '';
      this.lines.push(...parts);
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => { this.stderr += text; });
    this.exited = new Promise((resolve) => { child.on('close', resolve); });
  }

  static of(child: ChildProcess): Serving {
    return new Serving(child);
  }

  static spawn(args: readonly string[], stdio: StdioOptions = ['ignore', 'pipe', 'pipe'], cwd?: string): Serving {
    return new Serving(spawn(process.execPath, [BIN, 'serve', ...args], { stdio, ...(cwd === undefined ? {} : { cwd }) }));
  }

  /** Starts, and waits until it accepts connections. */
  static async start(args: readonly string[], cwd?: string): Promise<Serving> {
    const serving = Serving.spawn(args, undefined, cwd);
    await serving.until('listening');
    return serving;
  }

  get records(): readonly Line[] {
    return this.lines.map((line) => JSON.parse(line) as Line);
  }

  of(event: string): readonly Line[] {
    return this.records.filter((record) => record.event === event);
  }

  /** Waits for the `count`th record of a kind. */
  async until(event: string, count = 1): Promise<Line> {
    const beganMs = Date.now();
    while (Date.now() - beganMs < 20_000) {
      const found = this.of(event)[count - 1];
      if (found !== undefined) return found;
      if (this.child.exitCode !== null) break;
      await sleep(10);
    }
    throw new Error(`no ${event} record number ${String(count)}; exit ${String(this.child.exitCode)}\n${this.lines.join('\n')}\n${this.stderr}`);
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Open descriptors of the gateway's process. */
  get descriptors(): number {
    return readdirSync(`/proc/${String(this.child.pid)}/fd`).length;
  }

  /** Resident memory in bytes. */
  get memory(): number {
    const kb = /^VmRSS:\s*([0-9]+) kB$/m.exec(readFileSync(`/proc/${String(this.child.pid)}/status`, 'utf8'))?.[1];
    return Number(kb) * 1024;
  }

  async stop(): Promise<number | null> {
    if (this.child.exitCode === null) this.signal('SIGTERM');
    const killer = setTimeout(() => { this.signal('SIGKILL'); }, 15_000);
    const code = await this.exited;
    clearTimeout(killer);
    return code;
  }
}

/** Waits until something holds. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  const beganMs = Date.now();
  while (Date.now() - beganMs < 15_000) {
    if (holds()) return;
    await sleep(10);
  }
  throw new Error(`never: ${what}`);
}
