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

/** Reads until the end or until `memory` is full; returns how many bytes. */
export function readAll(fd: Fd, memory: Uint8Array): number | SysFailure {
  let at = 0;
  while (at < memory.length) {
    const count = libc().read(fd, at === 0 ? memory : memory.subarray(at), memory.length - at);
    if (count > 0) {
      at += count;
      continue;
    }
    if (count === 0) break;
    const errno = libc().errno();
    if (errno !== EINTR) return new SysFailure(`read(${String(fd)})`, errno);
  }
  return at;
}

/** `pread(fd, memory, offset)`: bytes read, 0 at the end and after the memory behind the descriptor is gone (T2). */
export function readAt(fd: Fd, memory: Memory, offset: number): number | SysFailure {
  const count = libc().pread(fd, memory, memory.byteLength, offset);
  return count < 0 ? new SysFailure(`pread(${String(fd)})`, libc().errno()) : count;
}
