import { spawn, type ChildProcessByStdio, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

export interface StartOptions {
  readonly uid?: number;
  readonly env?: NodeJS.ProcessEnv;
  readonly argv0?: string;
}

/** A real process that a test started, and that says things one line at a time. */
export class PeerProcess {
  readonly child: ChildProcessByStdio<Writable, Readable, null>;
  readonly exited: Promise<unknown>;
  readonly #lines: string[] = [];
  #waiting: ((line: string | undefined) => void) | undefined;
  #ended = false;

  constructor(command: string, args: readonly string[], options: StartOptions = {}) {
    const { uid, env, argv0 } = options;
    const spawning: SpawnOptions = {
      stdio: ['pipe', 'pipe', 'inherit'], cwd: '/', env: env ?? {},
      ...(uid === undefined ? {} : { uid, gid: uid }), ...(argv0 === undefined ? {} : { argv0 }),
    };
    this.child = spawn(command, args, spawning) as ChildProcessByStdio<Writable, Readable, null>;
    this.exited = once(this.child, 'exit');
    this.child.stdin.on('error', () => undefined); // a peer that is gone reads nothing
    const reading = createInterface(this.child.stdout);
    reading.on('line', (line) => { this.#lines.push(line); this.#serve(); });
    reading.on('close', () => { this.#ended = true; this.#serve(); });
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error(`${this.child.spawnfile} did not start`);
    return this.child.pid;
  }

  /** The next line; rejects when the process says no more. */
  async line(): Promise<string> {
    const line = await new Promise<string | undefined>((resolve) => {
      this.#waiting = resolve;
      this.#serve();
    });
    if (line === undefined) throw new Error(`${this.child.spawnfile} said nothing more`);
    return line;
  }

  async expect(wanted: string): Promise<void> {
    const line = await this.line();
    if (line !== wanted) throw new Error(`${this.child.spawnfile} said \`${line}\`, not \`${wanted}\``);
  }

  /** A command to a puppet, and its answer: `ok` or `ready`; anything else rejects. */
  async tell(command: string): Promise<void> {
    this.child.stdin.write(`${command}\n`);
    await this.expect(command.startsWith('exec') ? 'ready' : 'ok');
  }

  async kill(): Promise<void> {
    this.child.stdin.end(); // one that is held in the kernel until then does not even die
    this.child.kill('SIGKILL');
    if (this.child.exitCode === null && this.child.signalCode === null) await this.exited;
    this.child.stdout.destroy(); // a child of it may hold the other end
  }

  #serve(): void {
    if (this.#waiting === undefined || (this.#lines.length === 0 && !this.#ended)) return;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting(this.#lines.shift());
  }
}
