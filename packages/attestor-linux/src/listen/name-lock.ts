import type { Fd } from '@portcullis/core';
import { effectiveUid, readInode } from '@portcullis/core/platform/listen';
import { O_CLOEXEC, O_NONBLOCK } from '../ffi/constants.js';
import { EAGAIN, EINTR, EPERM, SysFailure } from '../ffi/errno.js';
import { closeFd, cPath } from '../ffi/file.js';
import { libc } from '../ffi/libc.js';
import { LOCK_EX, LOCK_NB, O_CREAT, O_NOFOLLOW, O_RDWR } from './flags.js';
import type { HeldFolder } from './held-folder.js';

const PAUSE_MS = 2;
const sleeper = new Int32Array(new SharedArrayBuffer(4));

/**
 * The right to change what one name in a folder leads to, among gateways: held from before the bind until after the
 * listen, and around each removal, never longer. It is an flock(2) on a file of its own, `.<name>.lock`, mode 0600:
 * the folder itself may be opened, and thus locked for ever, by anybody who may read it. The file is removed with the
 * lock; one left by a gateway that was killed holds no lock and is used again.
 */
export class NameLock {
  readonly #folder: HeldFolder;
  readonly #lockName: string;
  readonly #fd: Fd;

  private constructor(folder: HeldFolder, lockName: string, fd: Fd) {
    this.#folder = folder;
    this.#lockName = lockName;
    this.#fd = fd;
  }

  /** Undefined when another process held the lock all through `waitMs`. Blocks the thread for as long, in steps of 2 ms. */
  static take(folder: HeldFolder, name: string, waitMs: number): NameLock | SysFailure | undefined {
    const lockName = `.${name}.lock`;
    const deadline = performance.now() + waitMs;
    for (;;) {
      const fd = openLock(folder, lockName);
      if (fd instanceof SysFailure) return fd;
      const failed = tryLock(fd);
      // The holder before us removed the file before it let go: a lock on a nameless file excludes nobody.
      if (failed === undefined && folder.leadsTo(lockName, readInode(fd))) return new NameLock(folder, lockName, fd);
      closeFd(fd);
      if (failed !== undefined && failed.errno !== EAGAIN && failed.errno !== EINTR) return failed;
      if (performance.now() >= deadline) return undefined;
      if (failed !== undefined) Atomics.wait(sleeper, 0, 0, PAUSE_MS);
    }
  }

  /** Removes the file while the lock is held, then lets go: who waited sees that the name is gone, and makes a new one. */
  release(): void {
    this.#folder.unlink(this.#lockName);
    closeFd(this.#fd);
  }
}

/** O_NONBLOCK: a pipe put there under an exception must not stop us. */
function openLock(folder: HeldFolder, lockName: string): Fd | SysFailure {
  const call = `openat(${String(folder.fd)}, "${lockName}", O_RDWR | O_CREAT)`;
  const flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  const fd = libc().openat(folder.fd, cPath(lockName), flags, 0o600);
  if (fd < 0) return new SysFailure(call, libc().errno());
  const inode = readInode(fd as Fd);
  // Somebody else's file: they can hold its lock as long as they like.
  if (inode.kind === 'file' && inode.uid === effectiveUid()) return fd as Fd;
  closeFd(fd as Fd);
  return new SysFailure(call, EPERM);
}

function tryLock(fd: Fd): SysFailure | undefined {
  if (libc().flock(fd, LOCK_EX | LOCK_NB) === 0) return undefined;
  return new SysFailure(`flock(${String(fd)}, LOCK_EX | LOCK_NB)`, libc().errno());
}
