import { closeSync, ftruncateSync, openSync } from 'node:fs';
import { run } from './run.js';

const BYTES = 32 << 20;

/** Makes an ext4 file system that can have files under fs-verity, as an image of a disk; its path. */
export function makeVerityDisk(path: string): string {
  const file = openSync(path, 'wx', 0o600);
  ftruncateSync(file, BYTES);
  closeSync(file);
  // Kernels before 6.3 take fs-verity only where a block is a page.
  run('/sbin/mkfs.ext4', ['-q', '-O', 'verity', '-b', '4096', path]);
  return path;
}
