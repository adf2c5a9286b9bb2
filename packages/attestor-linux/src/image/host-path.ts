import type { Fd } from '@portcullis/core';
import { AT_FDCWD, O_CLOEXEC, O_NOFOLLOW, O_PATH, RESOLVE_NO_SYMLINKS, SYS_OPENAT2 } from '../ffi/constants.js';
import { ENOSYS, EPERM, leadsNowhere, SysFailure } from '../ffi/errno.js';
import { closeFd, cPath } from '../ffi/file.js';
import { libc } from '../ffi/libc.js';
import { sameFile, statFd, type FileIdentity } from '../ffi/statx.js';

const SLASH = 0x2f;
const NUL = Buffer.alloc(1);
const ROOT = cPath('/');

/**
 * T5: whether `path`, which the exe link says, leads from our root to the very file that runs. No link is followed: in our own
 * mount namespace the kernel's name of a file has none in it, and in another one it can be called `/proc/PID/cwd/git`, by which
 * a link of /proc leads us into that namespace, or makes us wait for that process (T20).
 */
export function leadsTo(path: Buffer, exe: FileIdentity): boolean | SysFailure {
  if (path[0] !== SLASH) return false;
  const last = openWithoutLinks(path);
  if (last instanceof SysFailure) return leadsNowhere(last) ? false : last;
  const found = statFd(last);
  closeFd(last);
  return found instanceof SysFailure ? found : sameFile(found, exe);
}

const FLAGS = O_PATH | O_NOFOLLOW | O_CLOEXEC;
/** `struct open_how` (linux/openat2.h): u64 flags, mode, resolve. */
const how = new BigUint64Array([BigInt(FLAGS), 0n, BigInt(RESOLVE_NO_SYMLINKS)]);

/**
 * What the kernel calls `path`, from our root, as O_PATH: its names have no link in them. `openat2(AT_FDCWD, path,
 * RESOLVE_NO_SYMLINKS)`, Linux 5.6; before, and in a sandbox that does not know it, by hand. The caller closes it.
 */
export function openWithoutLinks(path: Uint8Array): Fd | SysFailure {
  const fd = libc().openat2(SYS_OPENAT2, AT_FDCWD, Buffer.concat([path, NUL]), how, how.byteLength);
  if (fd >= 0) return fd as Fd;
  const errno = libc().errno();
  return errno === ENOSYS || errno === EPERM ? walk(path) : new SysFailure('openat2(AT_FDCWD, what a peer runs, RESOLVE_NO_SYMLINKS)', errno);
}

/** Folder by folder: a link on the way is no folder, and opens nothing. The caller closes what is at the end. */
function walk(path: Uint8Array): Fd | SysFailure {
  let at = step(undefined, ROOT);
  for (let from = 1; from <= path.length && typeof at === 'number'; ) {
    const slash = path.indexOf(SLASH, from);
    const to = slash < 0 ? path.length : slash;
    const folder = at;
    // Its bytes, since a path need not be UTF-8.
    at = step(folder, Buffer.concat([path.subarray(from, to), NUL]));
    closeFd(folder);
    from = to + 1;
  }
  return at;
}

function step(folder: Fd | undefined, name: Uint8Array): Fd | SysFailure {
  const fd = libc().openat(folder ?? AT_FDCWD, name, FLAGS, 0);
  return fd < 0 ? new SysFailure('openat(…, O_PATH | O_NOFOLLOW) on the way to what a peer runs', libc().errno()) : (fd as Fd);
}
