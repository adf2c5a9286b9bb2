import type { Fd } from '@portcullis/core';
import { type Inode, readInodeRacy, sameInode } from '@portcullis/core/platform/listen';
import { O_CLOEXEC, O_PATH } from '../ffi/constants.js';
import { SysFailure } from '../ffi/errno.js';
import { closeFd, cPath } from '../ffi/file.js';
import { libc } from '../ffi/libc.js';
import { O_NOFOLLOW } from './flags.js';
import { socketAddress } from './socket-address.js';

/**
 * A folder held by an O_PATH descriptor: renaming it, or putting another in its place, does not change what its
 * methods act on (T18). Every name is a single component, and none is followed if it is a link.
 */
export class HeldFolder {
  readonly fd: Fd;
  /** The real path that led here. */
  readonly path: string;
  #open = true;

  constructor(fd: Fd, path: string) {
    this.fd = fd;
    this.path = path;
  }

  pathOf(name: string): string {
    return this.path === '/' ? `/${name}` : `${this.path}/${name}`;
  }

  /** The address that binds to, or connects to, a name in this very folder. */
  addressOf(name: string): Uint8Array {
    return socketAddress(this.fd, name);
  }

  /** `openat(fd, name, O_PATH | O_NOFOLLOW | flags)`: a handle of the inode itself, a link included. The caller closes it. */
  open(name: string, flags = 0): Fd | SysFailure {
    const fd = libc().openat(this.fd, cPath(name), O_PATH | O_NOFOLLOW | O_CLOEXEC | flags, 0);
    return fd < 0 ? new SysFailure(`openat(${String(this.fd)}, "${name}", O_PATH)`, libc().errno()) : (fd as Fd);
  }

  /** What the name leads to at this moment; needs no descriptor, so it works when none is left. */
  look(name: string): Inode | undefined {
    return readInodeRacy(`/proc/self/fd/${String(this.fd)}/${name}`);
  }

  /** Whether the name leads to `inode`, which the caller holds: without a handle its number may have been given to another. */
  leadsTo(name: string, inode: Inode): boolean {
    const found = this.look(name);
    return found !== undefined && sameInode(found, inode);
  }

  /** `unlinkat(fd, name, 0)`. Removes whatever has the name: the caller has looked, and holds the name's lock. */
  unlink(name: string): SysFailure | undefined {
    if (libc().unlinkat(this.fd, cPath(name), 0) === 0) return undefined;
    return new SysFailure(`unlinkat(${String(this.fd)}, "${name}", 0)`, libc().errno());
  }

  /** Idempotent: a second close would hit whoever got the number since. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeFd(this.fd);
  }
}
