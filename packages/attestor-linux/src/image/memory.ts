import type { Fd } from '@portcullis/core';
import { readAt } from '../ffi/file.js';
import { isMemoryAlive } from '../ffi/procmap.js';

const oneByte = new Uint8Array(1);

/** Whether the memory that an open `maps` pins is still somebody's: after an exec or an exit the descriptor reads nothing (T2). */
export function isPinnedMemoryAlive(maps: Fd, procmapQuery: boolean): boolean {
  return procmapQuery ? isMemoryAlive(maps) : readAt(maps, oneByte, 0) === 1;
}
