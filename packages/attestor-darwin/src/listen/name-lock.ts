import { constants, openSync } from 'node:fs';
import type { Fd } from '@portcullis/core';
import { effectiveUid, readInode } from '@portcullis/core/platform/listen';
import { ERRNO, errnoOf, SysFailure } from '../ffi/errno.js';
import type { Libc } from '../ffi/libc.js';
import type { HeldFolder } from './held-folder.js';

const LOCK_EX = 2; // bsd/sys/fcntl.h
const LOCK_NB = 4;
const PAUSE_MS = 2;
const sleeper = new Int32Array(new SharedArrayBuffer(4));

/**
 * The right to change what one name in a folder leads to, among gateways: held from before the bind until after the
 * listen, and around each removal. It is an flock(2) on a file of its own, `.<name>.lock`, mode 0600: the folder itself may
 * be opened, and thus locked for ever, by anybody who may read it. The file is removed with the lock; one left by a
 * gateway that was killed holds no lock and is used again.
 */
export class NameLock {
  readonly #libc: Libc;
  readonly #folder: HeldFolder;
  readonly #lockName: string;
  readonly #fd: Fd;

  private constructor(libc: Libc, folder: HeldFolder, lockName: string, fd: Fd) {
    this.#libc = libc;
    this.#folder = folder;
    this.#lockName = lockName;
    this.#fd = fd;
  }

  /** Undefined when another process held the lock all through `waitMs`. Blocks the thread for as long, in steps of 2 ms. */
  static take(libc: Libc, folder: HeldFolder, name: string, waitMs: number): NameLock | SysFailure | undefined {
    const lockName = `.${name}.lock`;
    const deadline = performance.now() + waitMs;
    for (;;) {
      const fd = openLock(libc, folder, lockName);
      if (fd instanceof SysFailure) return fd;
      const failed = libc.flock(fd, LOCK_EX | LOCK_NB) === 0 ? undefined : new SysFailure(`flock(${String(fd)}, LOCK_EX | LOCK_NB)`, libc.errno());
      // The holder before us removed the file before it let go: a lock on a nameless file excludes nobody.
      if (failed === undefined && folder.leadsTo(lockName, readInode(fd))) return new NameLock(libc, folder, lockName, fd);
      libc.close(fd);
      if (failed !== undefined && !failed.is('EAGAIN', 'EINTR')) return failed;
      if (performance.now() >= deadline) return undefined;
      if (failed !== undefined) Atomics.wait(sleeper, 0, 0, PAUSE_MS);
    }
  }

  /** Removes the file while the lock is held, then lets go: who waited sees that the name is gone, and makes a new one. */
  release(): void {
    this.#folder.unlink(this.#lockName);
    this.#libc.close(this.#fd);
  }
}

/** O_NONBLOCK: a pipe put there under an exception must not stop us. */
function openLock(libc: Libc, folder: HeldFolder, lockName: string): Fd | SysFailure {
  const call = `open("${lockName}", O_RDWR | O_CREAT)`;
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  let fd: Fd;
  try {
    fd = folder.within(() => openSync(`./${lockName}`, flags, 0o600)) as Fd;
  } catch (error) {
    return new SysFailure(call, errnoOf(error));
  }
  const inode = readInode(fd);
  // Somebody else's file: they can hold its lock as long as they like.
  if (inode.kind === 'file' && inode.uid === effectiveUid()) return fd;
  libc.close(fd);
  return new SysFailure(call, ERRNO.EPERM);
}
