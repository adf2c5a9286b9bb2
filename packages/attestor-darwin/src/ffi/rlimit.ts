import { OPEN_MAX, RLIMIT_NOFILE } from './constants.js';
import type { Libc } from './libc.js';

/** `struct rlimit` (bsd/sys/resource.h): u64 rlim_cur, u64 rlim_max. */
const memory = new Uint8Array(16);

/**
 * `getrlimit(RLIMIT_NOFILE)`: how many descriptors this process may have. Without a limit the kernel's own sysctl rules,
 * which is never below OPEN_MAX; undefined when the call failed.
 */
export function getDescriptorLimit(libc: Libc): number | undefined {
  if (libc.getrlimit(RLIMIT_NOFILE, memory) !== 0) return undefined;
  const limit = new DataView(memory.buffer).getBigUint64(0, true);
  return limit > 0x7fff_ffffn ? OPEN_MAX : Number(limit);
}
