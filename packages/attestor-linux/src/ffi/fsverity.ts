import type { Fd } from '@portcullis/core';
import { FS_IOC_MEASURE_VERITY, FS_VERITY_HASH_ALG_SHA256, FS_VERITY_HASH_ALG_SHA512 } from './constants.js';
import { SysFailure } from './errno.js';
import { libc } from './libc.js';

/** `struct fsverity_digest` (linux/fsverity.h, 5.4): u16 algorithm, u16 size, then the digest: 64 bytes at most. */
const MOST_BYTES = 64;
const bytes = Buffer.alloc(4 + MOST_BYTES);
const words = new Uint16Array(bytes.buffer, bytes.byteOffset, 2);

const ALGORITHMS: ReadonlyMap<number, string> = new Map([[FS_VERITY_HASH_ALG_SHA256, 'sha256'], [FS_VERITY_HASH_ALG_SHA512, 'sha512']]);

/** What the kernel holds a file to: `sha256` or `sha512`, or the number of another algorithm, and the digest in hex. */
export interface VerityDigest {
  readonly algorithm: string;
  readonly hex: string;
}

/** `ioctl(fd, FS_IOC_MEASURE_VERITY)`: ENODATA of a file without fs-verity. Linux 5.4. */
export function measureVerity(fd: Fd): VerityDigest | SysFailure {
  words[1] = MOST_BYTES;
  if (libc().ioctl(fd, FS_IOC_MEASURE_VERITY, bytes) !== 0) return new SysFailure(`ioctl(${String(fd)}, FS_IOC_MEASURE_VERITY)`, libc().errno());
  const [algorithm = 0, size = 0] = words;
  return { algorithm: ALGORITHMS.get(algorithm) ?? String(algorithm), hex: bytes.toString('hex', 4, 4 + Math.min(size, MOST_BYTES)) };
}
