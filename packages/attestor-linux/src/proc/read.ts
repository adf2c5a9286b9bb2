import type { Fd } from '@portcullis/core';
import { ERANGE, SysFailure } from '../ffi/errno.js';
import { closeFd, cPath, openRead, readAt } from '../ffi/file.js';

/**
 * Files that the kernel makes in one piece (single_open in fs/seq_file.c: cgroup, status, stat, comm, limits) come whole
 * where there is room, so that a short read is all of it. `maps`, `environ` and `cmdline` come in pieces.
 */
export type Making = 'one-piece' | 'pieces';

/** Enough for nearly every text on the accept path; a file that needs more makes it grow. */
let memory = Buffer.allocUnsafeSlow(16_384);
const LARGEST = 1 << 20;

/**
 * The whole of a small file below /proc. The bytes are lent: the next read overwrites them. ERANGE when the file is larger
 * than 1 MiB (I11).
 */
export function readProc(path: string, making: Making = 'one-piece'): Uint8Array | SysFailure {
  const fd = openRead(cPath(path), path);
  if (typeof fd !== 'number') return fd;
  const bytes = rereadProc(fd, making);
  closeFd(fd);
  return bytes instanceof SysFailure ? new SysFailure(`read("${path}")`, bytes.errno) : bytes;
}

/** The same of a file that is held open, from its start: what it says now. */
export function rereadProc(fd: Fd, making: Making = 'one-piece'): Uint8Array | SysFailure {
  for (let at = 0; ; ) {
    const size = readAt(fd, at === 0 ? memory : memory.subarray(at), at);
    if (typeof size !== 'number') return size;
    const room = memory.length - at - size;
    at += size;
    if (room > 0 && (making === 'one-piece' || size === 0)) return memory.subarray(0, at);
    if (room > 0) continue;
    if (memory.length >= LARGEST) return new SysFailure(`pread(${String(fd)})`, ERANGE);
    memory = Buffer.allocUnsafeSlow(memory.length * 4);
    at = 0; // from the start again: what was read may be stale by now
  }
}
