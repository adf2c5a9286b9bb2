import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { libc } from '../../dist/ffi/libc.js';

const BLOCK = 4096;

/** `ioctl(fd, FS_IOC_ENABLE_VERITY, struct fsverity_enable_arg)`, 128 bytes: version 1, blocks of 4 KiB, no salt (linux/fsverity.h). */
export function enableVerity(path: string, algorithm = 1): void {
  const argument = new Uint32Array(32);
  argument.set([1, algorithm, BLOCK]);
  const file = openSync(path, 'r');
  const answer = libc().ioctl(file, 0x40806685, argument);
  const errno = libc().errno();
  closeSync(file);
  assert.equal(answer, 0, `FS_IOC_ENABLE_VERITY: errno ${String(errno)}`);
}

/** By Documentation/filesystems/fsverity.rst: SHA-256 over a descriptor with the root of a tree of SHA-256 over blocks. */
export function merkleDigest(content: Buffer): string {
  const sha256 = (data: Buffer): Buffer => createHash('sha256').update(data).digest();
  let level = blocksOf(content).map(sha256);
  while (level.length > 1) level = blocksOf(Buffer.concat(level)).map(sha256);
  const descriptor = Buffer.alloc(256); // struct fsverity_descriptor
  descriptor.set([1, 1, Math.log2(BLOCK)]);
  descriptor.writeBigUInt64LE(BigInt(content.length), 8);
  level[0]?.copy(descriptor, 16);
  return sha256(descriptor).toString('hex');
}

/** The last one is filled up with zeros. */
function blocksOf(data: Buffer): readonly Buffer[] {
  return Array.from({ length: Math.ceil(data.length / BLOCK) }, (_, at) => {
    const block = Buffer.alloc(BLOCK);
    data.copy(block, 0, at * BLOCK, (at + 1) * BLOCK);
    return block;
  });
}
