import { unknown, type Fd, type Unknown } from '@portcullis/core';
import { OVERLAYFS_SUPER_MAGIC } from '../ffi/constants.js';
import { ERANGE, SysFailure } from '../ffi/errno.js';
import { closeFd, cPath, openRead, readAt } from '../ffi/file.js';
import { deviceNumber, fileSystemOf, type FileIdentity } from '../ffi/statx.js';
import { unknownOf } from '../unknown-of.js';

/** An overlay has no disk of its own, and a number without a major one. */
const FIRST_MAJOR = deviceNumber(1, 0);
const TABLE = '/proc/self/mountinfo';
const LONGEST_TABLE = 1 << 26;
const piece = Buffer.allocUnsafeSlow(1 << 16);
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
  const mounted = isMountedHere(dev);
  if (mounted instanceof SysFailure) return unknownOf(mounted);
  return mounted ? undefined : unknown('foreign-code', 'the exe lies on an overlay that is not mounted where we are');
}

/** The table is read in pieces: who may mount makes it as long as he likes, and it must be seen to its end all the same. */
function isMountedHere(dev: number): boolean | SysFailure {
  const fd = openRead(cPath(TABLE), TABLE);
  if (fd instanceof SysFailure) return fd;
  try {
    let rest = '';
    for (let at = 0; at < LONGEST_TABLE; ) {
      const size = readAt(fd, piece, at);
      if (typeof size !== 'number') return size;
      if (size === 0) return false;
      at += size;
      const text = rest + piece.toString('latin1', 0, size);
      const whole = text.lastIndexOf('\n') + 1;
      for (const [, major, minor] of text.slice(0, whole).matchAll(DEVICE)) if (deviceNumber(Number(major), Number(minor)) === dev) return true;
      rest = text.slice(whole);
    }
    return new SysFailure(`read("${TABLE}")`, ERANGE);
  } finally {
    closeFd(fd);
  }
}
