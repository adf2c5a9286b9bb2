import { toUSVString } from 'node:util';
import { PortcullisError, type Fd } from '@portcullis/core';
import { AF_UNIX, F_SETFD, FD_CLOEXEC, SOCK_STREAM } from '../ffi/constants.js';
import { errnoName, SysFailure } from '../ffi/errno.js';
import type { Libc } from '../ffi/libc.js';
import { SUN_PATH, unixAddress } from '../ffi/unix-address.js';

/**
 * Connects to the stream socket at `path`. What the kernel notes of the server in this call stays with the descriptor: no
 * later change of the path can put another server in its place (T18). A full queue is ECONNREFUSED on macOS, as if nobody
 * listened, so there is nothing to ask for again. A connect to a local socket does not wait.
 * @throws PortcullisError `CONNECT_OPTIONS`, `CONNECT_SYSTEM`
 */
export function connectTo(libc: Libc, path: string): Fd {
  checkPath(path);
  const fd = libc.socket(AF_UNIX, SOCK_STREAM, 0) as Fd;
  if (fd < 0) throw systemFailure(path, new SysFailure('socket(AF_UNIX, SOCK_STREAM, 0)', libc.errno()));
  libc.fcntl(fd, F_SETFD, FD_CLOEXEC);
  const address = unixAddress(path);
  if (libc.connect(fd, address, address.length) === 0) return fd;
  const failure = new SysFailure(`connect(${String(fd)}, "${path}")`, libc.errno());
  libc.close(fd);
  throw systemFailure(path, failure);
}

function checkPath(path: string): void {
  const length = Buffer.byteLength(path);
  const wrong = !path.startsWith('/') ? 'is not absolute'
    : path.includes('\0') || toUSVString(path) !== path ? 'is not well-formed text'
      : length > SUN_PATH ? `has ${String(length)} bytes, and ${String(SUN_PATH)} are the most` : undefined;
  if (wrong !== undefined) throw new PortcullisError('CONNECT_OPTIONS', `the path \`${path}\` ${wrong}`, { facts: { option: 'path', path } });
}

function systemFailure(path: string, failure: SysFailure): PortcullisError {
  return new PortcullisError('CONNECT_SYSTEM', `cannot connect to \`${path}\`: ${failure.toString()}`, {
    cause: failure, facts: { path, call: failure.call, errno: errnoName(failure.errno) },
  });
}
