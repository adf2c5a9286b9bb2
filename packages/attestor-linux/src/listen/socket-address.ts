import type { Fd } from '@portcullis/core';
import type { PathLimits } from '@portcullis/core/platform/listen';
import { SUN_PATH, unixAddress } from '../ffi/unix-address.js';

/**
 * `/proc/self/fd/N/` takes its share of `sun_path`; N is reckoned with ten digits, so that a name which fits when few
 * descriptors are open fits later too. A path: linux/limits.h PATH_MAX without its NUL.
 */
export const PATH_LIMITS: PathLimits = { longestName: SUN_PATH - Buffer.byteLength('/proc/self/fd/') - 10 - 1, longestPath: 4095 };

/** The address of `/proc/self/fd/<fd>`, or of a name in it. */
export function socketAddress(fd: Fd, name?: string): Uint8Array {
  return unixAddress(`/proc/self/fd/${String(fd)}${name === undefined ? '' : `/${name}`}`);
}
