import type { Unknown } from '@portcullis/core';
import { inodeOf } from '../ffi/statx.js';
import type { LinuxPeer } from '../peer.js';
import { KnownProcess } from './known-process.js';
import { ProgramImage } from './program-image.js';

/** Each holds three descriptors. */
export const MOST_KNOWN_PROCESSES = 256;

/**
 * Processes that connected before, by the inode of their pidfd, which is unique per boot (Linux 6.9). What is known of one
 * serves again only after a look that costs a few microseconds: the same credentials and cgroup id here, the same memory,
 * exe and path in `ProgramImage.changed`. On kernels without such inodes nothing is kept.
 */
export class ProcessCache {
  readonly #known = new Map<bigint, KnownProcess>();

  /** What is kept of the peer's process; undefined where nothing can be. */
  of(peer: LinuxPeer): KnownProcess | undefined {
    peer.process ??= this.#find(peer) ?? 'not-kept';
    return peer.process === 'not-kept' ? undefined : peer.process;
  }

  /** The image that the peer runs now. The peer relies on it, and lets it go. */
  image(peer: LinuxPeer): ProgramImage | Unknown {
    if (peer.image !== undefined) return peer.image;
    const known = this.of(peer);
    const kept = known?.imageAgain();
    if (kept !== undefined) {
      peer.rely(kept.use(), 'looked-at-now');
      return kept;
    }
    const image = ProgramImage.look(peer);
    if (!(image instanceof ProgramImage)) return image;
    peer.rely(image, 'to-be-verified');
    known?.keepImage(image.use());
    return image;
  }

  clear(): void {
    for (const known of this.#known.values()) known.forget();
    this.#known.clear();
  }

  #find(peer: LinuxPeer): KnownProcess | undefined {
    const pidfd = peer.capabilities.uniquePidfdInodes ? peer.pidfd() : undefined;
    const key = typeof pidfd === 'number' ? inodeOf(pidfd) : undefined;
    const info = key === undefined ? undefined : peer.info();
    if (key === undefined || info === undefined || 'why' in info) return undefined;
    const known = this.#known.get(key);
    this.#known.delete(key); // set again below: the youngest stands last
    if (known?.isStill(info) === true) {
      this.#known.set(key, known);
      return known;
    }
    known?.forget();
    if (this.#known.size >= MOST_KNOWN_PROCESSES) this.#dropOldest();
    const fresh = new KnownProcess(info);
    this.#known.set(key, fresh);
    return fresh;
  }

  #dropOldest(): void {
    for (const [key, known] of this.#known) {
      this.#known.delete(key);
      known.forget();
      return;
    }
  }
}
