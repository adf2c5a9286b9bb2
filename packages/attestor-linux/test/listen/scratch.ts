import assert from 'node:assert/strict';
import { chmodSync, closeSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { PortcullisError, type BindOptions, type BoundSocket, type Fd } from '@portcullis/core';
import type { Context } from 'mocha';
import { skipUnless } from '@portcullis/testkit';
import { linuxListenPort } from '../../dist/listen/listen-port.js';
import { libc } from '../../dist/ffi/libc.js';
import { socketAddress } from '../../dist/listen/socket-address.js';
import { AF_UNIX, SOCK_STREAM } from '../../dist/ffi/constants.js';

export const port = linuxListenPort();

export function needLinux(ctx: Context): void {
  skipUnless(ctx, process.platform === 'linux', 'needs Linux');
}

/** A folder of ours, mode 0755, in /tmp, which is sticky and root's; not os.tmpdir(), which may lie anywhere. */
export class Scratch {
  readonly path = mkdtempSync('/tmp/portcullis-listen-');
  readonly #bound: BoundSocket[] = [];

  constructor() {
    chmodSync(this.path, 0o755);
  }

  at(...names: string[]): string {
    return join(this.path, ...names);
  }

  /** Makes a folder with this very mode, whatever the umask. */
  folder(name: string, mode = 0o755): string {
    mkdirSync(this.at(name));
    chmodSync(this.at(name), mode);
    return this.at(name);
  }

  bind(options: BindOptions): BoundSocket {
    const bound = port.bind(options);
    this.#bound.push(bound);
    return bound;
  }

  /** A socket path whose server has gone, as after a crash. */
  stale(path: string): void {
    const socket = rawBind(path);
    closeSync(socket);
  }

  remove(): void {
    for (const bound of this.#bound) bound.release();
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** A stream socket bound the plain way: through the path, without a listen. */
export function rawBind(path: string, type = SOCK_STREAM): Fd {
  const fd = libc().socket(AF_UNIX, type, 0) as Fd;
  const address = socketAddressOf(path);
  assert.equal(libc().bind(fd, address, address.length), 0, `bind ${path}: errno ${String(libc().errno())}`);
  return fd;
}

export function socketAddressOf(path: string): Uint8Array {
  const family = socketAddress(0 as Fd).subarray(0, 2);
  return Buffer.concat([family, Buffer.from(`${path}\0`)]);
}

/** The error that `act` throws; fails if it is none of ours. */
export function refusalOf(act: () => unknown): PortcullisError {
  try {
    act();
  } catch (error) {
    if (error instanceof PortcullisError) return error;
    throw error;
  }
  throw new assert.AssertionError({ message: 'it was not refused' });
}

/** How many descriptors this process has; reading the list takes one, each time alike. */
export function descriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

/** Serves a bound socket with node:net, answering each client with `hello`. */
export async function serve(bound: BoundSocket): Promise<Server> {
  const server = createServer((socket) => socket.end('hello'));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ fd: bound.fd }, resolve);
  });
  return server;
}

export async function stop(server: Server): Promise<void> {
  await new Promise<void>((resolve) => server.close(() => { resolve(); }));
}

/** What a client reads, or the code of its error. */
export async function ask(path: string): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(path);
    socket.on('data', (chunk) => (text += chunk.toString()));
    socket.on('error', (error: NodeJS.ErrnoException) => { resolve(error.code ?? 'error'); });
    socket.on('end', () => { resolve(text); });
  });
}

/** Whether somebody listens: `connected`, or the code of the error. Needs no answer from the server. */
export async function knock(path: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.on('error', (error: NodeJS.ErrnoException) => { resolve(error.code ?? 'error'); });
    socket.on('connect', () => {
      socket.destroy();
      resolve('connected');
    });
  });
}
