import type { Fd } from '@portcullis/core';
import { type Inode, readInode, readInodeRacy, systemRefusal } from '@portcullis/core/platform/listen';
import { SysFailure } from '../ffi/errno.js';
import type { Libc } from '../ffi/libc.js';
import { sameInode } from './same-inode.js';

const AT_SYMLINK_NOFOLLOW = 0x0020; // bsd/sys/fcntl.h
/** `(uid_t) -1`: chown(2) leaves the owner as it is. */
const SAME_OWNER = 0xffff_ffff;

/**
 * A folder held by a descriptor: renaming it, or putting another in its place, does not change what its methods act on
 * (T18). Every name is a single component, and none is followed if it is a link. Darwin has neither /proc/self/fd nor a
 * bind that takes a folder, but each thread can have a working folder of its own.
 */
export class HeldFolder {
  readonly fd: Fd;
  /** The real path that led here. */
  readonly path: string;
  readonly #libc: Libc;
  #open = true;

  constructor(libc: Libc, fd: Fd, path: string) {
    this.#libc = libc;
    this.fd = fd;
    this.path = path;
  }

  pathOf(name: string): string {
    return this.path === '/' ? `/${name}` : `${this.path}/${name}`;
  }

  get inode(): Inode {
    return readInode(this.fd);
  }

  /** Runs `act`, which must not wait, with this folder as the working folder of this thread alone (pthread_fchdir_np). */
  within<Result>(act: () => Result): Result {
    if (this.#libc.pthread_fchdir_np(this.fd) !== 0) throw systemRefusal(this.path, this.path, new SysFailure(`pthread_fchdir_np(${String(this.fd)})`, this.#libc.errno()));
    try {
      return act();
    } finally {
      this.#libc.pthread_fchdir_np(-1);
    }
  }

  /** What the name leads to at this moment. */
  look(name: string): Inode | undefined {
    return this.within(() => readInodeRacy(`./${name}`));
  }

  leadsTo(name: string, inode: Inode): boolean {
    const found = this.look(name);
    return found !== undefined && sameInode(found, inode);
  }

  /** `unlinkat(fd, name, 0)`. Removes whatever has the name: the caller has looked, and holds the name's lock. */
  unlink(name: string): SysFailure | undefined {
    return this.#failure(this.#libc.unlinkat(this.fd, cName(name), 0), `unlinkat(${String(this.fd)}, "${name}", 0)`);
  }

  /** `fchownat(fd, name, -1, gid, AT_SYMLINK_NOFOLLOW)` */
  chgrp(name: string, gid: number): SysFailure | undefined {
    return this.#failure(this.#libc.fchownat(this.fd, cName(name), SAME_OWNER, gid, AT_SYMLINK_NOFOLLOW), `fchownat(${String(this.fd)}, "${name}", -1, ${String(gid)})`);
  }

  /** `fchmodat(fd, name, mode, AT_SYMLINK_NOFOLLOW)` */
  chmod(name: string, mode: number): SysFailure | undefined {
    return this.#failure(this.#libc.fchmodat(this.fd, cName(name), mode, AT_SYMLINK_NOFOLLOW), `fchmodat(${String(this.fd)}, "${name}", 0${mode.toString(8)})`);
  }

  /** Idempotent: a second close would hit whoever got the number since. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#libc.close(this.fd);
  }

  #failure(result: number, call: string): SysFailure | undefined {
    return result === 0 ? undefined : new SysFailure(call, this.#libc.errno());
  }
}

function cName(name: string): Uint8Array {
  return Buffer.from(`${name}\0`, 'utf8');
}
