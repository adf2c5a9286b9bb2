import assert from 'node:assert/strict';
import { spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { isRefusal, socketFd, type Connection, type Fd, type Finding, type Findings, type Peer, type PeerRefusal, type SelectorKey } from '@portcullis/core';
import { DarwinAttestor, DarwinPeer, DarwinPeerSource } from '@portcullis/attestor-darwin';
import { puppet } from './compile.js';

export interface PuppetOptions {
  readonly uid?: number;
  readonly program?: string;
}

/** A puppet process, told one command at a time. */
export class Puppet {
  readonly child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;
  readonly #reading: Interface;

  constructor(socketPath: string, { uid, program }: PuppetOptions) {
    this.child = spawn(program ?? puppet(), [socketPath], { stdio: ['pipe', 'pipe', 'inherit'], cwd: '/', env: {}, ...(uid === undefined ? {} : { uid, gid: uid }) });
    this.child.stdin.on('error', () => undefined); // a peer that is gone reads nothing
    this.#reading = createInterface(this.child.stdout);
    this.#lines = this.#reading[Symbol.asyncIterator]();
  }

  get pid(): number {
    assert.ok(this.child.pid !== undefined);
    return this.child.pid;
  }

  async expect(wanted: string): Promise<void> {
    const line = await this.#lines.next();
    assert.equal(line.value, wanted);
  }

  async tell(command: string): Promise<void> {
    this.child.stdin.write(`${command}\n`);
    await this.expect(command.startsWith('exec') ? 'ready' : 'ok');
  }

  /** A command that ends the process. */
  async last(command: string): Promise<void> {
    this.child.stdin.write(`${command}\n`);
    await once(this.child, 'exit');
  }

  kill(): void {
    this.child.kill('SIGKILL');
    this.#reading.close();
    this.child.stdout.destroy();
  }
}

/** A socket that listens, and those who connect to it. */
export class Stage {
  readonly folder: string;
  readonly #server: Server;
  readonly #arrived: Socket[] = [];
  readonly #all: { kill?: () => void; destroy?: () => void }[] = [];

  private constructor(folder: string, server: Server) {
    this.folder = folder;
    this.#server = server;
    server.on('connection', (socket) => {
      socket.on('error', () => undefined);
      this.#arrived.push(socket);
      this.#all.push(socket);
      server.emit('arrival');
    });
  }

  static async open(): Promise<Stage> {
    const folder = realpathSync(mkdtempSync('/tmp/portcullis-stage-'));
    chmodSync(folder, 0o755);
    const server = createServer({ pauseOnConnect: true }).listen(join(folder, 's'));
    await once(server, 'listening');
    chmodSync(join(folder, 's'), 0o666);
    return new Stage(folder, server);
  }

  get socketPath(): string {
    return join(this.folder, 's');
  }

  async start(options: PuppetOptions = {}): Promise<Puppet> {
    const made = new Puppet(this.socketPath, options);
    this.#all.push(made);
    await made.expect('ready');
    return made;
  }

  /** Any other program that connects. */
  run(command: string, args: readonly string[]): ChildProcess {
    const child = spawn(command, args, { stdio: ['pipe', 'ignore', 'inherit'], env: {} });
    this.#all.push({ kill: () => child.kill('SIGKILL') });
    return child;
  }

  async accepted(): Promise<Socket> {
    if (this.#arrived.length === 0) await once(this.#server, 'arrival');
    return this.#arrived.shift()!;
  }

  /** A puppet that connected, and our end of the connection. */
  async connected(options: PuppetOptions = {}): Promise<{ readonly puppet: Puppet; readonly socket: Socket }> {
    const made = await this.start(options);
    await made.tell('connect');
    return { puppet: made, socket: await this.accepted() };
  }

  close(): void {
    for (const one of this.#all) {
      one.kill?.();
      one.destroy?.();
    }
    this.#server.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function connectionOf(socket: object): Connection {
  return { origin: undefined, get fd(): Fd | undefined { return socketFd(socket); } };
}

export function opened(result: Peer | PeerRefusal): DarwinPeer {
  if (isRefusal(result)) assert.fail(`${result.refused}: ${result.detail}`);
  assert.ok(result instanceof DarwinPeer);
  return result;
}

export function refused(result: Peer | PeerRefusal): PeerRefusal {
  assert.ok(isRefusal(result), 'the peer was not refused');
  return result;
}

/** The findings for `keys`, which must be exactly those. */
export async function attest(attestor: DarwinAttestor, peer: Peer, ...keys: SelectorKey[]): Promise<Findings> {
  const findings = await attestor.attest(peer, new Set(keys), new AbortController().signal);
  assert.deepEqual(new Set(findings.keys()), new Set(keys));
  return findings;
}

/** `present 501`, `absent`, or `unknown peer-exited`. */
export function brief(finding: Finding | undefined): string {
  if (finding === undefined) return 'nothing';
  if (finding.state === 'present') return `present ${finding.values.join(' ')}`;
  return finding.state === 'unknown' ? `unknown ${finding.why}` : 'absent';
}

export { DarwinAttestor, DarwinPeerSource };
