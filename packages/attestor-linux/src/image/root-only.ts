import type { Fd } from '@portcullis/core';
import { FUSE_SUPER_MAGIC, O_NOCTTY, O_NONBLOCK, RAMFS_MAGIC, S_IFMT, S_IFREG, TMPFS_MAGIC } from '../ffi/constants.js';
import { EACCES, EPERM, leadsNowhere, SysFailure } from '../ffi/errno.js';
import { closeFd, cPath, openRead } from '../ffi/file.js';
import { libc } from '../ffi/libc.js';
import { deviceNumber, statFd, type FileIdentity } from '../ffi/statx.js';
import { openWithoutLinks } from './host-path.js';
import { mappedIdentity, type MappedIdentity } from './mapped-identity.js';

const WRITABLE_BY_OTHERS = 0o022;
const statfs = new BigUint64Array(16);

/**
 * Whether a mapped file is one that only root can write: found under its name from our own root (a private mount namespace
 * shows nothing), it is the very file that is mapped, root owns it, and nobody else may write it. An ACL that lets somebody
 * write shows in the group bits. On FUSE the owner is whatever the file system's own user says, so nothing there counts. A failure:
 * it could not be looked at now.
 */
export function isRootOnly(name: Uint8Array, mapped: MappedIdentity, procmapQuery: boolean, really: Really): boolean | SysFailure {
  if (name[0] !== 0x2f) return false;
  // A link on the way could lead into the peer's mount namespace, by /proc/PID/cwd, and each lookup on a FUSE elsewhere: everything is asked of one file.
  const held = openWithoutLinks(name);
  if (held instanceof SysFailure) return isOutOfSight(held) ? false : held;
  try {
    return isHeldRootOnly(held, mapped, procmapQuery, really);
  } finally {
    closeFd(held);
  }
}

function isHeldRootOnly(held: Fd, mapped: MappedIdentity, procmapQuery: boolean, really: Really): boolean | SysFailure {
  const file = statFd(held);
  if (file instanceof SysFailure) return file;
  if (!isRootsOwn(file)) return false;
  const fuse = isOnFuse(held, file.dev);
  if (fuse !== false) return fuse instanceof SysFailure && fuse;
  return isMapped(file, mapped) || isMappedUnderOtherNumbers(held, file, mapped, procmapQuery, really);
}

/** Nothing of that name is to be found by us: what is mapped is not a file that everybody sees. */
function isOutOfSight(failure: SysFailure): boolean {
  return leadsNowhere(failure) || failure.errno === EACCES;
}

/** A regular file, of root, that nobody else may write; on FUSE its owner is what the server says. */
export function isRootsOwn({ mode, uid }: FileIdentity): boolean {
  return (mode & S_IFMT) === S_IFREG && uid === 0 && (mode & WRITABLE_BY_OTHERS) === 0;
}

/**
 * Devices with a major number that are not FUSE: their number is a disk's, and only root mounts one, or who mounts it for others
 * (udisks2: threat-model, T4). A number without is given to the next file system that anybody mounts, so it is asked about each time.
 */
const disks = new Set<number>();
const MOST_DISKS = 1024;
const FIRST_MAJOR = deviceNumber(1, 0);
const FUSE = BigInt(FUSE_SUPER_MAGIC);
const IN_MEMORY: ReadonlySet<bigint> = new Set([BigInt(TMPFS_MAGIC), BigInt(RAMFS_MAGIC)]);

/** Whether a file, which `stat` finds on `dev`, lies on FUSE; a failure where that cannot be asked. */
function isOnFuse(fd: Fd, dev: number): boolean | SysFailure {
  return !disks.has(dev) && answered(libc().fstatfs(fd, statfs), dev);
}

/**
 * Whether the file of a program may be another than what was read of it, while it runs, though the kernel lets nobody open it for
 * writing then: on FUSE, where the server shows who reads something else; and in memory, where who mapped it before may keep its
 * pages and write to them (a buffer of io_uring), unless that was root.
 */
export function changesWhileItRuns(fd: Fd, exe: FileIdentity): boolean | SysFailure {
  if (disks.has(exe.dev)) return false;
  const fuse = isOnFuse(fd, exe.dev);
  return fuse !== false ? fuse : IN_MEMORY.has(statfs[0] ?? 0n) && !isRootsOwn(exe);
}

function answered(failed: number, dev: number): boolean | SysFailure {
  if (failed !== 0) return new SysFailure('statfs(a program)', libc().errno());
  if (statfs[0] === FUSE) return true;
  if (dev >= FIRST_MAJOR && disks.size < MOST_DISKS) disks.add(dev);
  return false;
}

/** What is mapped, by the numbers of stat; EPERM where that may not be asked. */
type Really = () => FileIdentity | SysFailure;

function isMapped({ dev, ino }: FileIdentity, mapped: MappedIdentity): boolean {
  return dev === mapped.dev && ino === mapped.inode;
}

/** As on btrfs and overlays, where the numbers of a mapping are not those of stat. */
function isMappedUnderOtherNumbers(held: Fd, file: FileIdentity, mapped: MappedIdentity, procmapQuery: boolean, really: Really): boolean {
  // The peer chose its path, and opening a FIFO waits while opening a device acts: that it is a file was seen of what is held.
  const fd = openRead(cPath(`/proc/self/fd/${String(held)}`), '(a mapped file)', O_NONBLOCK | O_NOCTTY);
  if (fd instanceof SysFailure) return false;
  const own = mappedIdentity(fd, procmapQuery);
  closeFd(fd);
  if (own?.dev !== mapped.dev || own.inode !== mapped.inode) return false;
  const found = really();
  return found instanceof SysFailure ? found.errno === EPERM : found.dev === file.dev && found.ino === file.ino;
}
