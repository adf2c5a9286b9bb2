import type { Fd, Pid } from '@portcullis/core';
import { LOCAL_PEERCRED, LOCAL_PEEREPID, LOCAL_PEERPID, LOCAL_PEERTOKEN, LOCAL_PEERUUID, SO_TYPE, SOL_LOCAL, SOL_SOCKET } from './constants.js';
import { ERRNO, SysFailure } from './errno.js';
import { AUDIT_TOKEN_SIZE, decodeUuid, decodeXucred, UUID_SIZE, XUCRED_SIZE, type Xucred } from './layout.js';
import type { Libc, Memory } from './libc.js';

const length = new Uint32Array(1);
const word = new Int32Array(1);
const xucred = new Uint8Array(XUCRED_SIZE);
const uuid = new Uint8Array(UUID_SIZE);
const address = new Uint8Array(256); // bsd/sys/socket.h SOCK_MAXADDRLEN is 255

/** Calls once into memory of a fixed size; a shorter or longer answer is a kernel that we do not know. */
function getFixed(libc: Libc, fd: Fd, level: number, option: number, name: string, memory: Memory): SysFailure | undefined {
  length[0] = memory.byteLength;
  const call = `getsockopt(${String(fd)}, ${level === SOL_LOCAL ? 'SOL_LOCAL' : 'SOL_SOCKET'}, ${name})`;
  if (libc.getsockopt(fd, level, option, memory, length) !== 0) return new SysFailure(call, libc.errno());
  return length[0] === memory.byteLength ? undefined : new SysFailure(call, ERRNO.EOVERFLOW);
}

/** `getsockname(fd)`: the family, the second byte of any `struct sockaddr`. Darwin has no SO_DOMAIN. */
export function getFamily(libc: Libc, fd: Fd): number | SysFailure {
  length[0] = address.byteLength;
  if (libc.getsockname(fd, address, length) !== 0) return new SysFailure(`getsockname(${String(fd)})`, libc.errno());
  // an unnamed socket of another family may answer with no address at all
  return length[0] < 2 ? -1 : (address[1] ?? -1);
}

/** `getsockopt(fd, SOL_SOCKET, SO_TYPE)`: SOCK_STREAM is 1. */
export function getType(libc: Libc, fd: Fd): number | SysFailure {
  return getFixed(libc, fd, SOL_SOCKET, SO_TYPE, 'SO_TYPE', word) ?? word[0] ?? 0;
}

/**
 * `getsockopt(fd, SOL_LOCAL, LOCAL_PEERCRED)`: frozen at connect, and there when the other end was closed. ENOTCONN of a
 * socket that listens or is not connected. EOVERFLOW stands for an answer of another size or version.
 */
export function getPeerCred(libc: Libc, fd: Fd): Xucred | SysFailure {
  const failed = getFixed(libc, fd, SOL_LOCAL, LOCAL_PEERCRED, 'LOCAL_PEERCRED', xucred);
  return failed ?? decodeXucred(xucred) ?? new SysFailure(`getsockopt(${String(fd)}, SOL_LOCAL, LOCAL_PEERCRED)`, ERRNO.EOVERFLOW);
}

/** `getsockopt(fd, SOL_LOCAL, LOCAL_PEERPID)`: the last process that used the other end. ENOTCONN once that is closed. */
export function getPeerPid(libc: Libc, fd: Fd): Pid | SysFailure {
  return getFixed(libc, fd, SOL_LOCAL, LOCAL_PEERPID, 'LOCAL_PEERPID', word) ?? ((word[0] ?? 0) as Pid);
}

/** `getsockopt(fd, SOL_LOCAL, LOCAL_PEEREPID)`: the same, or for whom a delegated socket is used. */
export function getPeerEpid(libc: Libc, fd: Fd): Pid | SysFailure {
  return getFixed(libc, fd, SOL_LOCAL, LOCAL_PEEREPID, 'LOCAL_PEEREPID', word) ?? ((word[0] ?? 0) as Pid);
}

/** `getsockopt(fd, SOL_LOCAL, LOCAL_PEERUUID)`: of the last process's executable as it was when that first used the socket. */
export function getPeerUuid(libc: Libc, fd: Fd): string | SysFailure {
  const failed = getFixed(libc, fd, SOL_LOCAL, LOCAL_PEERUUID, 'LOCAL_PEERUUID', uuid);
  return failed ?? decodeUuid(uuid) ?? new SysFailure(`getsockopt(${String(fd)}, SOL_LOCAL, LOCAL_PEERUUID)`, ERRNO.EOVERFLOW);
}

/**
 * `getsockopt(fd, SOL_LOCAL, LOCAL_PEERTOKEN)`: 32 bytes of their own, kept to be handed to the kernel again. ENOTCONN once
 * the other end is closed; EINVAL when its last user is gone; EOPNOTSUPP of a system that has it not.
 */
export function getPeerToken(libc: Libc, fd: Fd): Uint8Array | SysFailure {
  const token = new Uint8Array(AUDIT_TOKEN_SIZE);
  return getFixed(libc, fd, SOL_LOCAL, LOCAL_PEERTOKEN, 'LOCAL_PEERTOKEN', token) ?? token;
}
