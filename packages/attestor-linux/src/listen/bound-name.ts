import type { Fd } from '@portcullis/core';
import { effectiveUid, readInode } from '@portcullis/core/platform/listen';
import { SysFailure } from '../ffi/errno.js';
import { closeFd } from '../ffi/file.js';
import type { HeldFolder } from './held-folder.js';

/**
 * A name that we gave to a socket, and a handle of the inode that we made. While the handle is held, the inode's number
 * is not given to another (ext4 reuses it at once), so that comparing numbers tells ours from a successor.
 */
export class BoundName {
  readonly folder: HeldFolder;
  readonly name: string;
  readonly handle: Fd;

  constructor(folder: HeldFolder, name: string, handle: Fd) {
    this.folder = folder;
    this.name = name;
    this.handle = handle;
  }

  /** Opens the handle, straight after the bind. Where that fails, removes what the bind made and returns the failure. */
  static hold(folder: HeldFolder, name: string): BoundName | SysFailure {
    const handle = folder.open(name);
    if (!(handle instanceof SysFailure)) return new BoundName(folder, name, handle);
    // No descriptor left, say. The name's lock is held and our socket is bound: what is here and a socket of ours, we made.
    const found = folder.look(name);
    if (found?.kind === 'socket' && found.uid === effectiveUid()) folder.unlink(name);
    return handle;
  }

  /** Whether the name still leads to the socket that we made. */
  stillOurs(): boolean {
    return this.folder.leadsTo(this.name, readInode(this.handle));
  }

  /** Removes the name, if it is ours still. The caller holds the name's lock, or the socket that is bound to it. */
  remove(): void {
    if (this.stillOurs()) this.folder.unlink(this.name);
  }

  /** Once. */
  close(): void {
    closeFd(this.handle);
  }
}
