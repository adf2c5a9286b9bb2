import { release } from 'node:os';
import type { Fd } from '@portcullis/core';
import { readAt } from '../ffi/file.js';
import { isMemoryAlive } from '../ffi/procmap.js';

const oneByte = new Uint8Array(1);

/** Whether the memory that an open `maps` pins is still somebody's: after an exec or an exit the descriptor reads nothing (T2). */
export function isPinnedMemoryAlive(maps: Fd, procmapQuery: boolean): boolean {
  return procmapQuery ? isMemoryAlive(maps) : readAt(maps, oneByte, 0) === 1;
}

/**
 * Whether that question waits for nothing. Until each mapping had a lock of its own to be read under, it took the lock of the
 * whole memory, which a thread of the peer can hold for as long as it likes (T20). Nothing but the release tells; a kernel that
 * has it under an older number is asked the longer way.
 */
export function asksWithoutWaiting(kernel = release()): boolean {
  const [major = 0, minor = 0] = kernel.split('.').map((part) => Number.parseInt(part, 10));
  return major > 6 || (major === 6 && minor >= 18); // PROCMAP_QUERY seen not to wait on 6.18
}
