import type { Fd } from '@portcullis/core';
import { PROCMAP_QUERY, PROCMAP_QUERY_COVERING_OR_NEXT_VMA, PROCMAP_QUERY_VMA_EXECUTABLE } from './constants.js';
import { ENOENT, SysFailure } from './errno.js';
import { libc } from './libc.js';
import { deviceNumber } from './statx.js';

/** One executable mapping. `name` is the kernel's spelling, for a look at the path; identity is device and inode. */
export interface Mapping {
  readonly start: bigint;
  readonly writable: boolean;
  readonly dev: number;
  /** 0: no file behind it. */
  readonly inode: bigint;
  readonly name: Uint8Array;
}

const EXECUTABLE = BigInt(PROCMAP_QUERY_COVERING_OR_NEXT_VMA | PROCMAP_QUERY_VMA_EXECUTABLE);
const NAME_SIZE = 4096;
const VMA_WRITABLE = 2;

/** `struct procmap_query`, 104 bytes (linux/fs.h, 6.11); both stay where they are, since the kernel is given an address. */
const query = Buffer.allocUnsafeSlow(104);
const u32 = new Uint32Array(query.buffer, query.byteOffset, 26);
const u64 = new BigUint64Array(query.buffer, query.byteOffset, 13);
const name = Buffer.allocUnsafeSlow(NAME_SIZE);
let nameAddress: bigint | undefined;

/**
 * `ioctl(mapsFd, PROCMAP_QUERY)`: the executable mapping that covers `address`, or the next one above. Undefined: there is
 * none. ESRCH: the memory behind the descriptor is gone (an exec, an exit). Linux 6.11.
 */
export function nextExecutable(mapsFd: Fd, address: bigint): Mapping | SysFailure | undefined {
  u64.fill(0n);
  u64[0] = 104n;
  u64[1] = EXECUTABLE;
  return run(mapsFd, address);
}

/** The mapping that covers `address`, whatever its protection. */
export function mappingAt(mapsFd: Fd, address: bigint): Mapping | SysFailure | undefined {
  u64.fill(0n);
  u64[0] = 104n;
  return run(mapsFd, address);
}

function run(mapsFd: Fd, address: bigint): Mapping | SysFailure | undefined {
  u64[2] = address;
  u32[20] = NAME_SIZE;
  nameAddress ??= libc().addressOf(name);
  u64[11] = nameAddress;
  if (libc().ioctl(mapsFd, PROCMAP_QUERY, query) !== 0) {
    const errno = libc().errno();
    return errno === ENOENT ? undefined : new SysFailure(`ioctl(${String(mapsFd)}, PROCMAP_QUERY)`, errno);
  }
  const nameSize = u32[20]; // with its NUL
  return {
    start: u64[3] ?? 0n,
    writable: ((u32[10] ?? 0) & VMA_WRITABLE) !== 0,
    dev: deviceNumber(u32[18] ?? 0, u32[19] ?? 0),
    inode: u64[8] ?? 0n,
    name: Uint8Array.prototype.slice.call(name, 0, Math.max(0, nameSize - 1)),
  };
}

/** Where the mapping that was answered last ends: the address to go on from. */
export function lastEnd(): bigint {
  return u64[4] ?? 0n;
}
