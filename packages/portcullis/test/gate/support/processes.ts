import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { CROWD, type Crowd } from './crowd.js';
import { GATEWAY, type Said } from './gateway.js';
import { until } from './harness.js';

/** A process that opens many connections on command. */
export class CrowdProcess {
  readonly child: ChildProcess;
  #ready: Promise<unknown>;

  constructor(path: string, uid?: number) {
    this.child = fork(CROWD, [path], uid === undefined ? {} : { uid, gid: uid });
    this.#ready = once(this.child, 'message');
  }

  async tell(command: { readonly open?: number; readonly close?: number }): Promise<Crowd> {
    await this.#ready;
    const answer = once(this.child, 'message') as Promise<[Crowd]>;
    this.child.send(command);
    return (await answer)[0];
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }
}

/** A gateway in a process of its own, started by a command line that ends in `node gateway.js …`. */
export class GatewayProcess {
  readonly child: ChildProcess;
  readonly said: Said[] = [];

  constructor(command: readonly string[], where: readonly string[], options: { readonly env?: NodeJS.ProcessEnv; readonly pass?: number } = {}) {
    const [program = process.execPath, ...args] = [...command, process.execPath, GATEWAY, ...where];
    this.child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'inherit', ...(options.pass === undefined ? [] : [options.pass])],
      env: { ...process.env, ...options.env },
    });
    createInterface({ input: this.child.stdout! }).on('line', (line) => { this.said.push(JSON.parse(line) as Said); });
  }

  /** What it says first: that it listens, or why not. */
  async started(): Promise<Said> {
    await until(() => this.said.length > 0 || this.child.exitCode !== null);
    return this.said[0] ?? { refused: `exit ${String(this.child.exitCode)}` };
  }

  count(test: (said: Said) => boolean): number {
    return this.said.filter(test).length;
  }

  get alive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  async stop(): Promise<void> {
    if (!this.alive) return;
    this.child.kill('SIGKILL');
    await once(this.child, 'exit');
  }
}
