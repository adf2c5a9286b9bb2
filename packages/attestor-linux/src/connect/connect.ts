import { toUSVString } from 'node:util';
import { PortcullisError, type Fd } from '@portcullis/core';
import { AF_UNIX, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM } from '../ffi/constants.js';
import { EAGAIN, EINTR, errnoName, SysFailure } from '../ffi/errno.js';
import { closeFd } from '../ffi/file.js';
import { libc } from '../ffi/libc.js';
import { refuseRights } from '../ffi/sockopt.js';
import { SUN_PATH, unixAddress } from '../ffi/unix-address.js';

/**
 * Connects to the stream socket at `path`; undefined where its queue is full. What the kernel notes of the server in this
 * call stays with the descriptor: no later change of the path can put another server in its place (T18).
 * @throws PortcullisError `CONNECT_OPTIONS`, `CONNECT_SYSTEM`
 */
export function connectTo(path: string): Fd | undefined {
  checkPath(path);
  const fd = libc().socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) as Fd;
  if (fd < 0) throw systemFailure(path, new SysFailure('socket(AF_UNIX, SOCK_STREAM, 0)', libc().errno()));
  refuseRights(fd); // where the kernel can: a server that is refused could make us wait for what it sent along (T20)
  const failure = connect(fd, path);
  if (failure === undefined) return fd;
  closeFd(fd);
  if (failure.errno === EAGAIN) return undefined;
  throw systemFailure(path, failure);
}

function connect(fd: Fd, path: string): SysFailure | undefined {
  const address = unixAddress(path);
  for (;;) {
    if (libc().connect(fd, address, address.length) === 0) return undefined;
    const errno = libc().errno();
    if (errno !== EINTR) return new SysFailure(`connect(${String(fd)}, "${path}")`, errno);
  }
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
