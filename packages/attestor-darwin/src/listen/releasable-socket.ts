import type { BoundSocket, Fd, ListenException } from '@portcullis/core';
import type { Inode } from '@portcullis/core/platform/listen';
import { SysFailure } from '../ffi/errno.js';
import type { Libc } from '../ffi/libc.js';
import { NameLock } from './name-lock.js';
import type { HeldParent } from './walk.js';

/** A stop must not hang: a name that stays is taken over by the next start. */
const LOCK_WAIT_MS = 250;

/** What `bind` returns: a listening socket, and the name that is to be removed with it. */
export class ReleasableSocket implements BoundSocket {
  readonly fd: Fd;
  readonly path: string;
  readonly used: readonly ListenException[];
  readonly replacedStale: boolean;
  readonly #libc: Libc;
  readonly #made: Inode;
  #parent: HeldParent | undefined;

  constructor(libc: Libc, fd: Fd, parent: HeldParent, made: Inode, replacedStale: boolean) {
    this.#libc = libc;
    this.fd = fd;
    this.path = parent.folder.pathOf(parent.name);
    this.used = parent.used;
    this.replacedStale = replacedStale;
    this.#parent = parent;
    this.#made = made;
  }

  release(): void {
    const parent = this.#parent;
    if (parent === undefined) return;
    this.#parent = undefined; // first: a second call finds nothing, whatever this one meets
    try {
      this.#remove(parent);
    } catch {
      // A name that stays is stale, ours, and taken over by the next start; a throw here would break somebody's shutdown.
    }
    parent.folder.close();
  }

  /**
   * Under the name's lock: our server may be closed already, and then a successor may take the name over between our look
   * and our removal. Without the lock the name stays: better a stale one of ours than a live one of another's removed (T18).
   */
  #remove({ folder, name }: HeldParent): void {
    if (!folder.leadsTo(name, this.#made)) return;
    const lock = NameLock.take(this.#libc, folder, name, LOCK_WAIT_MS);
    if (lock === undefined || lock instanceof SysFailure) return;
    try {
      if (folder.leadsTo(name, this.#made)) folder.unlink(name);
    } finally {
      lock.release();
    }
  }
}
