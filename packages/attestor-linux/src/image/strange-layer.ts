import { unknown, type Fd, type Unknown } from '@portcullis/core';
import { OVERLAYFS_SUPER_MAGIC } from '../ffi/constants.js';
import { SysFailure } from '../ffi/errno.js';
import { deviceNumber, fileSystemOf, type FileIdentity } from '../ffi/statx.js';
import { asBuffer } from '../proc/decode.js';
import { readProc } from '../proc/read.js';
import { unknownOf } from '../unknown-of.js';

/** An overlay has no disk of its own, and a number without a major one. */
const FIRST_MAJOR = deviceNumber(1, 0);
const DEVICE = /^[0-9]+ [0-9]+ ([0-9]+):([0-9]+) /gm;

/**
 * Why nothing can be said of an exe, and nothing may be asked of it any more: it lies on an overlay that is mounted nowhere where
 * we are. Any user can mount one, over a FUSE file system of their own, and whoever looks then looks with that user's rights: the
 * server gives each reader the content and the times that it likes (T4), or lets the reader wait (T20). Or over a folder of
 * theirs, where they write to the file that runs. What a runtime mounts for a container is mounted where we are too. The mount
 * table is our own, never a peer's (T8).
 */
export function strangeLayer(exe: Fd, { dev }: FileIdentity): Unknown | undefined {
  if (dev >= FIRST_MAJOR) return undefined;
  const fileSystem = fileSystemOf(exe);
  if (fileSystem instanceof SysFailure) return unknownOf(fileSystem);
  if (fileSystem !== OVERLAYFS_SUPER_MAGIC) return undefined;
  const table = readProc('/proc/self/mountinfo', 'pieces');
  if (table instanceof SysFailure) return unknownOf(table);
  for (const [, major, minor] of asBuffer(table).toString('latin1').matchAll(DEVICE)) {
    if (deviceNumber(Number(major), Number(minor)) === dev) return undefined;
  }
  return unknown('foreign-code', 'the exe lies on an overlay that is not mounted where we are');
}
