import type { Fd } from '@portcullis/core';
import { AT_FDCWD, O_CLOEXEC, O_RDONLY } from './constants.js';
import { EINTR, SysFailure } from './errno.js';
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

const link = Buffer.allocUnsafeSlow(4096);

/**
 * `readlinkat(AT_FDCWD, "/proc/self/fd/N")`: where an open file lies, seen from our root, as the kernel spells it. Undefined
 * where that is longer than a path can be, or cannot be told. The bytes are lent until the next call.
 */
export function readLinkOf(fd: Fd): Buffer | undefined {
  const length = libc().readlinkat(AT_FDCWD, cPath(`/proc/self/fd/${String(fd)}`), link, link.length);
  return length >= 0 && length < link.length ? link.subarray(0, length) : undefined;
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
