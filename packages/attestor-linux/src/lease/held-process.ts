import type { Fd } from '@portcullis/core';
import { closeFd } from '../ffi/file.js';
import { inodeOf } from '../ffi/statx.js';
import { countHeld } from '../held-descriptors.js';
import { readiness, type Watch } from '../readiness/readiness.js';

/** One live process that connections are held for: one pidfd, whatever their number. */
export class HeldProcess {
  readonly pidfd: Fd;
  readonly #inode: bigint | undefined;
  readonly #users = new Set<() => void>();
  readonly #watch: Watch;

  private constructor(pidfd: Fd, inode: bigint | undefined) {
    this.pidfd = pidfd;
    this.#inode = inode;
    // Where nothing will be heard any more, its users look for themselves, and find out (I2).
    const exited = (): void => { this.#exited(); };
    this.#watch = readiness().watch(pidfd, { ready: exited, failed: exited }, { keepsAlive: false });
    countHeld(1);
  }

  /**
   * Holds the process behind `pidfd`, which is the held process's from now on, or closed where another descriptor of that
   * process is held already: told by the inode, where that is unique (Linux 6.9).
   */
  static of(pidfd: Fd, uniqueInodes: boolean): HeldProcess {
    const inode = uniqueInodes ? inodeOf(pidfd) : undefined;
    const known = inode === undefined ? undefined : held.get(inode);
    if (known !== undefined) {
      closeFd(pidfd);
      return known;
    }
    try {
      const fresh = new HeldProcess(pidfd, inode);
      if (inode !== undefined) held.set(inode, fresh);
      return fresh;
    } catch (error) {
      closeFd(pidfd);
      throw error;
    }
  }

  use(onExit: () => void): void {
    this.#users.add(onExit);
  }

  /** The last user closes the descriptor. */
  letGo(onExit: () => void): void {
    if (!this.#users.delete(onExit) || this.#users.size > 0) return;
    this.#watch.close();
    this.#unlist();
    closeFd(this.pidfd);
    countHeld(-1);
  }

  #unlist(): void {
    if (this.#inode !== undefined && held.get(this.#inode) === this) held.delete(this.#inode);
  }

  #exited(): void {
    // Told once: a lease that begins from now on needs a watch of its own, which tells it at once.
    this.#unlist();
    for (const onExit of [...this.#users]) onExit();
  }
}

/** By the inode of the pidfd. */
const held = new Map<bigint, HeldProcess>();
