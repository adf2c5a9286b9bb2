import type { Fd } from '@portcullis/core';
import { AF_UNIX, AT_FDCWD, F_DUPFD_CLOEXEC, O_CLOEXEC, O_RDONLY, SOCK_CLOEXEC, SOCK_STREAM } from './constants.js';
import { EINTR, ENAMETOOLONG, SysFailure } from './errno.js';
import { libc, type Memory } from './libc.js';

/** A path as C wants it: bytes, then NUL. */
export function cPath(path: string): Uint8Array {
  return Buffer.from(`${path}\0`, 'utf8');
}

/** `openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | flags)`; the descriptor is the caller's to close. */
export function openRead(path: Uint8Array, shown: string, flags = 0): Fd | SysFailure {
  const fd = libc().openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | flags, 0);
  return fd < 0 ? new SysFailure(`openat(AT_FDCWD, "${shown}")`, libc().errno()) : (fd as Fd);
}

export function closeFd(fd: Fd): void {
  libc().close(fd);
}

/** Of what was opened, whatever could be. */
export function closeAll(opened: readonly (Fd | SysFailure | undefined)[]): void {
  for (const fd of opened) if (typeof fd === 'number') closeFd(fd);
}

const link = Buffer.allocUnsafeSlow(4096);

/**
 * `readlinkat(AT_FDCWD, "/proc/self/fd/N")`: where an open file lies, seen from our root, as the kernel spells it.
 * ENAMETOOLONG where that is longer than a path can be. The bytes are lent until the next call.
 */
export function readLinkOf(fd: Fd): Buffer | SysFailure {
  const path = `/proc/self/fd/${String(fd)}`;
  const length = libc().readlinkat(AT_FDCWD, cPath(path), link, link.length);
  if (length >= 0 && length < link.length) return link.subarray(0, length);
  return new SysFailure(`readlinkat(AT_FDCWD, "${path}")`, length < 0 ? libc().errno() : ENAMETOOLONG);
}

/** `pread(fd, memory, offset)`: bytes read, 0 at the end and after the memory behind the descriptor is gone (T2). */
export function readAt(fd: Fd, memory: Memory, offset: number): number | SysFailure {
  for (;;) {
    const count = libc().pread(fd, memory, memory.byteLength, offset);
    if (count >= 0) return count;
    const errno = libc().errno();
    if (errno !== EINTR) return new SysFailure(`pread(${String(fd)})`, errno);
  }
}

/** `socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)`: both ends are the caller's to close. */
export function socketPair(): readonly [Fd, Fd] | SysFailure {
  const pair = new Int32Array(2);
  if (libc().socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) !== 0) return new SysFailure('socketpair(AF_UNIX, SOCK_STREAM, 0)', libc().errno());
  return [(pair[0] ?? -1) as Fd, (pair[1] ?? -1) as Fd];
}

/** `fcntl(fd, F_DUPFD_CLOEXEC, 0)`: another descriptor of the same file, the caller's to close. */
export function duplicate(fd: Fd): Fd | SysFailure {
  const made = libc().fcntl(fd, F_DUPFD_CLOEXEC, 0);
  return made < 0 ? new SysFailure(`fcntl(${String(fd)}, F_DUPFD_CLOEXEC)`, libc().errno()) : (made as Fd);
}
