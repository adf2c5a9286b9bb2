import { normaliseValues, type Fd } from '@portcullis/core';
import { MOST_GROUPS } from '../proc/decode.js';
import {
  FIONBIO, INVALID_ID, SIOCINQ, SO_ACCEPTCONN, SO_COOKIE, SO_DOMAIN, SO_PASSCRED, SO_PASSPIDFD, SO_PASSRIGHTS, SO_PASSSEC, SO_PEERCRED,
  SO_PEERGROUPS, SO_PEERPIDFD, SO_PEERSEC, SO_PROTOCOL, SO_TYPE, SOL_SOCKET,
} from './constants.js';
import { EINVAL, ERANGE, SysFailure } from './errno.js';
import { libc, type Memory } from './libc.js';

/** The largest label and group list that are read: beyond it the answer is ERANGE, and the key unknown (I11). */
const LARGEST_LABEL = 1 << 18;
const LARGEST_GROUPS = MOST_GROUPS * Uint32Array.BYTES_PER_ELEMENT;

const length = new Int32Array(1);
const word = new Int32Array(1);
const cookie = new BigUint64Array(1);
const ucred = new Uint32Array(3);
const NOBODY = Uint32Array.of(0, INVALID_ID, INVALID_ID);
let grown = new Uint8Array(256);
let grownWords = new Uint32Array(grown.buffer);

function failure(fd: Fd, option: string): SysFailure {
  return new SysFailure(`getsockopt(${String(fd)}, SOL_SOCKET, ${option})`, libc().errno());
}

/** Calls once into memory of a fixed size; a shorter or longer answer is a kernel that we do not know. */
function getFixed(fd: Fd, option: number, name: string, memory: Memory): SysFailure | undefined {
  length[0] = memory.byteLength;
  if (libc().getsockopt(fd, SOL_SOCKET, option, memory, length) !== 0) return failure(fd, name);
  if (length[0] !== memory.byteLength) return new SysFailure(`getsockopt(${String(fd)}, SOL_SOCKET, ${name})`, EINVAL);
  return undefined;
}

/** `getsockopt(fd, SOL_SOCKET, SO_DOMAIN)`: AF_UNIX is 1. Linux 2.6.32. */
export function getDomain(fd: Fd): number | SysFailure {
  return getFixed(fd, SO_DOMAIN, 'SO_DOMAIN', word) ?? word[0] ?? 0;
}

/** `getsockopt(fd, SOL_SOCKET, SO_TYPE)`: SOCK_STREAM is 1. */
export function getType(fd: Fd): number | SysFailure {
  return getFixed(fd, SO_TYPE, 'SO_TYPE', word) ?? word[0] ?? 0;
}

/** `getsockopt(fd, SOL_SOCKET, SO_PROTOCOL)`: IPPROTO_TCP is 6. Linux 2.6.32. */
export function getProtocol(fd: Fd): number | SysFailure {
  return getFixed(fd, SO_PROTOCOL, 'SO_PROTOCOL', word) ?? word[0] ?? 0;
}

/** `getsockopt(fd, SOL_SOCKET, SO_COOKIE)`: a number that no other socket has had since the boot. Linux 4.12. */
export function getCookie(fd: Fd): bigint | SysFailure {
  return getFixed(fd, SO_COOKIE, 'SO_COOKIE', cookie) ?? cookie[0] ?? 0n;
}

/** `getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN)`: whether the socket listens. */
export function getAcceptConn(fd: Fd): boolean | SysFailure {
  return getFixed(fd, SO_ACCEPTCONN, 'SO_ACCEPTCONN', word) ?? word[0] !== 0;
}

/** `struct ucred` (linux/socket.h): i32 pid, u32 uid, u32 gid. The memory is reused by the next call. */
export interface Ucred {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** `getsockopt(fd, SOL_SOCKET, SO_PEERCRED)`: frozen at connect. Succeeds on any socket, see T14. */
export function getPeerCred(fd: Fd): Ucred | SysFailure {
  // What a success left unwritten is nobody's, and never the peer before.
  ucred.set(NOBODY);
  const failed = getFixed(fd, SO_PEERCRED, 'SO_PEERCRED', ucred);
  if (failed !== undefined) return failed;
  return { pid: (ucred[0] ?? 0) | 0, uid: ucred[1] ?? 0, gid: ucred[2] ?? 0 };
}

/** `getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD)`: a new close-on-exec descriptor, ours to close. Linux 6.5. */
export function getPeerPidFd(fd: Fd): Fd | SysFailure {
  word.fill(-1);
  const failed = getFixed(fd, SO_PEERPIDFD, 'SO_PEERPIDFD', word);
  if (failed !== undefined) return failed;
  const pidfd = word[0] ?? -1;
  return pidfd >= 0 ? (pidfd as Fd) : new SysFailure(`getsockopt(${String(fd)}, SOL_SOCKET, SO_PEERPIDFD)`, EINVAL);
}

/** `ioctl(fd, SIOCINQ)`: bytes that were received and not read. */
export function getQueuedBytes(fd: Fd): number | SysFailure {
  if (libc().ioctl(fd, SIOCINQ, word) !== 0) return new SysFailure(`ioctl(${String(fd)}, SIOCINQ)`, libc().errno());
  return word[0] ?? 0;
}

/** Calls until the memory is large enough, `largest` at most; returns how many bytes the kernel wrote, all of them whole `unit`s. */
function getGrowing(fd: Fd, option: number, name: string, unit: number, largest: number): number | SysFailure {
  for (;;) {
    const room = Math.min(largest, grown.byteLength);
    length[0] = room;
    if (libc().getsockopt(fd, SOL_SOCKET, option, grown, length) === 0) {
      const size = length[0];
      if (size >= 0 && size <= room && size % unit === 0) return size;
      return new SysFailure(`getsockopt(${String(fd)}, SOL_SOCKET, ${name})`, EINVAL); // a kernel that we do not know
    }
    const failed = failure(fd, name);
    // The kernel says how much it wants where it knows: what is too large is not copied. A value that did not grow must not make this spin.
    if (failed.errno !== ERANGE || room >= largest || length[0] > largest) return failed;
    grown = new Uint8Array(Math.min(largest, Math.max((length[0] + 3) & ~3, room * 2)));
    grownWords = new Uint32Array(grown.buffer);
  }
}

/** The last answer, since most peers of a socket are in the same groups: as the kernel gave them, and as they were answered. */
let rawGroups = new Uint32Array(0);
let groups: readonly number[] = Object.freeze([]);

/** `getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS)`: supplementary groups, sorted and frozen, as they were at connect; ERANGE beyond `MOST_GROUPS`. Linux 4.13. */
export function getPeerGroups(fd: Fd): readonly number[] | SysFailure {
  const size = getGrowing(fd, SO_PEERGROUPS, 'SO_PEERGROUPS', Uint32Array.BYTES_PER_ELEMENT, LARGEST_GROUPS);
  if (typeof size !== 'number') return size;
  if (sameGroups(size)) return groups;
  rawGroups = new Uint32Array(grown.slice(0, size).buffer);
  groups = Object.freeze(normaliseValues([...rawGroups])) as readonly number[];
  return groups;
}

function sameGroups(size: number): boolean {
  if (size !== rawGroups.byteLength) return false;
  for (let at = 0; at < rawGroups.length; at += 1) if (grownWords[at] !== rawGroups[at]) return false;
  return true;
}

/** `getsockopt(fd, SOL_SOCKET, SO_PEERSEC)`: the label's bytes, frozen at connect; some modules end it with a NUL. */
export function getPeerSec(fd: Fd): Uint8Array | SysFailure {
  const size = getGrowing(fd, SO_PEERSEC, 'SO_PEERSEC', 1, LARGEST_LABEL);
  return typeof size === 'number' ? grown.slice(0, size) : size;
}

function set(fd: Fd, option: number, name: string, value: number): SysFailure | undefined {
  word[0] = value;
  if (libc().setsockopt(fd, SOL_SOCKET, option, word, word.byteLength) === 0) return undefined;
  return new SysFailure(`setsockopt(${String(fd)}, SOL_SOCKET, ${name}, ${String(value)})`, libc().errno());
}

/** `setsockopt(fd, SOL_SOCKET, SO_PASSCRED, 1)`: each message comes with SCM_CREDENTIALS, and none is glued to another sender's. */
export function setPassCred(fd: Fd): SysFailure | undefined {
  return set(fd, SO_PASSCRED, 'SO_PASSCRED', 1);
}

/** `setsockopt(fd, SOL_SOCKET, SO_PASSPIDFD, 1)`: each message comes with SCM_PIDFD, a descriptor of ours to close. Linux 6.5. */
export function setPassPidFd(fd: Fd): SysFailure | undefined {
  return set(fd, SO_PASSPIDFD, 'SO_PASSPIDFD', 1);
}

/** `setsockopt(fd, SOL_SOCKET, SO_PASSSEC, 1)`: each message comes with SCM_SECURITY where a module labels it. */
export function setPassSec(fd: Fd): SysFailure | undefined {
  return set(fd, SO_PASSSEC, 'SO_PASSSEC', 1);
}

/** `setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, 0)`: who sends descriptors is told EPERM, and none arrives. Linux 6.16. */
export function refuseRights(fd: Fd): SysFailure | undefined {
  return set(fd, SO_PASSRIGHTS, 'SO_PASSRIGHTS', 0);
}

/** `ioctl(fd, FIONBIO, 1)`: an accept that finds nobody answers EAGAIN. Holds for everybody who has the same socket. */
export function setNonBlocking(fd: Fd): SysFailure | undefined {
  word[0] = 1;
  return libc().ioctl(fd, FIONBIO, word) === 0 ? undefined : new SysFailure(`ioctl(${String(fd)}, FIONBIO, 1)`, libc().errno());
}
