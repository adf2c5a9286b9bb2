import { once } from 'node:events';
import { createServer, type AddressInfo, type ListenOptions, type Socket } from 'node:net';
import type { Connection } from '@portcullis/core';
import { connectionOf } from './attesting.js';
import { compiled } from './compile.js';
import { PeerProcess, type StartOptions } from './peer-process.js';

/** A TCP server that leaves what it accepts unread, and the processes that connect to it. */
export class TcpStage {
  readonly #server = createServer({ pauseOnConnect: true, allowHalfOpen: true });
  readonly #arrived: Socket[] = [];
  readonly #waiting: ((socket: Socket) => void)[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #processes: PeerProcess[] = [];

  static async open(options: ListenOptions = { host: '127.0.0.1' }): Promise<TcpStage> {
    const stage = new TcpStage();
    stage.#server.on('connection', (socket) => {
      stage.#sockets.add(socket);
      socket.on('error', () => undefined);
      const waiting = stage.#waiting.shift();
      if (waiting === undefined) stage.#arrived.push(socket);
      else waiting(socket);
    });
    stage.#server.listen({ port: 0, ...options });
    await once(stage.#server, 'listening');
    return stage;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  start(command: string, args: readonly string[] = [], options: StartOptions = {}): PeerProcess {
    const started = new PeerProcess(command, args, options);
    this.#processes.push(started);
    return started;
  }

  /** A puppet that is to connect to `address`, and waits for commands. */
  async puppet(options: StartOptions & { readonly program?: string; readonly address?: string } = {}): Promise<PeerProcess> {
    const puppet = this.start(options.program ?? compiled('tcp-puppet'), [options.address ?? '127.0.0.1', String(this.port)], options);
    await puppet.expect('ready');
    return puppet;
  }

  /** A puppet that has connected, and the accepted socket. */
  async connected(options: StartOptions & { readonly program?: string; readonly address?: string } = {}): Promise<{ readonly puppet: PeerProcess; readonly socket: Socket }> {
    const puppet = await this.puppet(options);
    const [socket] = await Promise.all([this.accepted(), answer(puppet, 'connect')]);
    return { puppet, socket };
  }

  accepted(): Promise<Socket> {
    const socket = this.#arrived.shift();
    if (socket !== undefined) return Promise.resolve(socket);
    return new Promise((resolve) => { this.#waiting.push(resolve); });
  }

  /** As a gate hands it to a peer source: with the server that accepted it. */
  connection(socket: Socket): Connection {
    const { fd } = connectionOf(socket);
    return { fd, origin: this.#server };
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#processes.map((started) => started.kill()));
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** The number that a puppet answers a command with; 0 where it says `ok` alone. */
export async function answer(puppet: PeerProcess, command: string): Promise<number> {
  puppet.child.stdin.write(`${command}\n`);
  const line = await puppet.line();
  const number = /^ok(?: ([0-9]+))?$/.exec(line);
  if (number === null) throw new Error(`the puppet answered \`${line}\` to \`${command}\``);
  return Number(number[1] ?? 0);
}
