import type { Fd } from '@portcullis/core';
import { type Inode, readInode, systemRefusal } from '@portcullis/core/platform/listen';
import { AT_FDCWD, O_CLOEXEC, O_PATH } from '../ffi/constants.js';
import { SysFailure } from '../ffi/errno.js';
import { cPath } from '../ffi/file.js';
import { libc } from '../ffi/libc.js';
import { O_DIRECTORY } from './flags.js';
import { HeldFolder } from './held-folder.js';

export interface Step {
  readonly name: string;
  readonly folder: HeldFolder;
  readonly inode: Inode;
}

/**
 * The folders from `/` down to where a walk has come, each held. `..` goes back to the one that was held before: it is
 * never looked up, so a folder that was moved meanwhile cannot lead the walk to another parent (T18).
 */
export class Trail {
  readonly #steps: Step[] = [];

  /** Starts at `/`. Throws `LISTEN_SYSTEM`. */
  constructor(path: string) {
    const fd = libc().openat(AT_FDCWD, cPath('/'), O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0) throw systemRefusal(path, '/', new SysFailure('openat(AT_FDCWD, "/", O_PATH)', libc().errno()));
    this.#push('', fd as Fd, '/');
  }

  get top(): Step {
    const top = this.#steps.at(-1);
    if (top === undefined) throw new TypeError('a trail that was closed');
    return top;
  }

  /** Goes down to a folder that is already open; takes the descriptor over. */
  down(name: string, fd: Fd): void {
    this.#push(name, fd, this.top.folder.pathOf(name));
  }

  /** `/..` is `/`, as for the kernel. */
  up(): void {
    if (this.#steps.length > 1) this.#steps.pop()?.folder.close();
  }

  toRoot(): void {
    while (this.#steps.length > 1) this.up();
  }

  /** Hands out the last folder, which is the caller's from here on, and lets go of all others. */
  takeTop(): HeldFolder {
    const { folder } = this.top;
    this.#steps.pop();
    this.close();
    return folder;
  }

  /** Lets go of every folder that was not taken. Idempotent. */
  close(): void {
    for (const step of this.#steps.splice(0)) step.folder.close();
  }

  #push(name: string, fd: Fd, path: string): void {
    this.#steps.push({ name, folder: new HeldFolder(fd, path), inode: readInode(fd) });
  }
}
