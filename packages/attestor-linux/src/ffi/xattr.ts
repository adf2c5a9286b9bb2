import type { Fd } from '@portcullis/core';
import { SysFailure } from './errno.js';
import { cPath } from './file.js';
import { libc } from './libc.js';

/** More than any value that is meant for a selector; a longer one is ERANGE (I11). */
const memory = Buffer.allocUnsafeSlow(4096);

/** `fgetxattr(fd, name, memory, 4096)`: the value, which the next call overwrites. ENODATA: there is no such attribute. */
export function getXattr(fd: Fd, name: string): Uint8Array | SysFailure {
  const size = libc().fgetxattr(fd, cPath(name), memory, memory.length);
  return size < 0 ? new SysFailure(`fgetxattr(${String(fd)}, "${name}")`, libc().errno()) : memory.subarray(0, size);
}
