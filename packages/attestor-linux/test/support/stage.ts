import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { once } from 'node:events';
import { compiled } from './compile.js';
import { PeerProcess, type StartOptions } from './peer-process.js';

/** A folder that everybody can enter, a socket in it that everybody may connect to, and the processes that do. */
export class Stage {
  readonly folder = mkdtempSync('/tmp/portcullis-peers-');
  readonly socketPath = join(this.folder, 's');
  readonly #server = createServer({ pauseOnConnect: true, allowHalfOpen: true });
  readonly #arrived: Socket[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #processes: PeerProcess[] = [];
  readonly #waiting: ((socket: Socket) => void)[] = [];

  static async open(): Promise<Stage> {
    const stage = new Stage();
    chmodSync(stage.folder, 0o755);
    stage.#server.on('connection', (socket) => { stage.#take(socket); });
    stage.#server.listen(stage.socketPath);
    await once(stage.#server, 'listening');
    chmodSync(stage.socketPath, 0o777);
    return stage;
  }

  at(name: string): string {
    return join(this.folder, name);
  }

  /** A file of root's that everybody may run, under a name of this folder. */
  install(program: string, name: string): string {
    copyFileSync(program, this.at(name));
    chmodSync(this.at(name), 0o755);
    return this.at(name);
  }

  start(command: string, args: readonly string[] = [], options: StartOptions = {}): PeerProcess {
    const started = new PeerProcess(command, args, options);
    this.#processes.push(started);
    return started;
  }

  /** A puppet that waits for commands. */
  async puppet(options: StartOptions & { readonly program?: string } = {}): Promise<PeerProcess> {
    const puppet = this.start(options.program ?? compiled('puppet'), [this.socketPath], options);
    await puppet.expect('ready');
    return puppet;
  }

  /** A puppet that has connected, and the accepted socket. One at a time: who came first is not known otherwise. */
  async connectedPuppet(options: StartOptions & { readonly program?: string } = {}): Promise<{ readonly puppet: PeerProcess; readonly socket: Socket }> {
    const puppet = await this.puppet(options);
    const [socket] = await Promise.all([this.accepted(), puppet.tell('connect')]);
    return { puppet, socket };
  }

  /** The next connection, paused: nothing of it was read. */
  accepted(): Promise<Socket> {
    const socket = this.#arrived.shift();
    if (socket !== undefined) return Promise.resolve(socket);
    return new Promise((resolve) => { this.#waiting.push(resolve); });
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#processes.map((started) => started.kill()));
    await new Promise((resolve) => this.#server.close(resolve));
    spawnSync('/bin/rm', ['-rf', '--', this.folder]); // not rmSync: some paths here are longer than a path may be
  }

  #take(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#arrived.push(socket);
    else waiting(socket);
  }
}
