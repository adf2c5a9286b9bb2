import type { BoundSocket, Fd, ListenException } from '@portcullis/core';
import { SysFailure } from '../ffi/errno.js';
import type { BoundName } from './bound-name.js';
import { NameLock } from './name-lock.js';

/** A stop must not hang: a name that stays is taken over by the next start. */
const LOCK_WAIT_MS = 250;

/** What `bind` returns: a listening socket, and the name that is to be removed with it. */
export class ReleasableSocket implements BoundSocket {
  readonly fd: Fd;
  readonly path: string;
  readonly used: readonly ListenException[];
  readonly replacedStale: boolean;
  #made: BoundName | undefined;

  constructor(fd: Fd, made: BoundName, used: readonly ListenException[], replacedStale: boolean) {
    this.fd = fd;
    this.path = made.folder.pathOf(made.name);
    this.used = used;
    this.replacedStale = replacedStale;
    this.#made = made;
  }

  release(): void {
    const made = this.#made;
    if (made === undefined) return;
    this.#made = undefined; // first: a second call finds nothing, whatever this one meets
    try {
      removeLocked(made);
    } catch {
      // A name that stays is stale, ours, and taken over by the next start; a throw here would break somebody's shutdown.
    }
    made.close();
    made.folder.close();
  }
}

/**
 * Under the name's lock: our server may be closed already, and then a successor may take the name over between our look
 * and our removal. Without the lock the name stays: better a stale one of ours than a live one of another's removed (T18).
 */
function removeLocked(made: BoundName): void {
  if (!made.stillOurs()) return;
  const lock = NameLock.take(made.folder, made.name, LOCK_WAIT_MS);
  if (lock === undefined || lock instanceof SysFailure) return;
  try {
    made.remove();
  } finally {
    lock.release();
  }
}
