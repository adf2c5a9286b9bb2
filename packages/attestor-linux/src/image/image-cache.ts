import type { Unknown } from '@portcullis/core';
import type { PidfdInfo } from '../ffi/pidfd.js';
import { inodeOf } from '../ffi/statx.js';
import type { LinuxPeer } from '../peer.js';
import { ProgramImage } from './program-image.js';

/** Each kept image holds one descriptor. */
export const MOST_KEPT_IMAGES = 256;

interface Kept {
  readonly image: ProgramImage;
  readonly info: PidfdInfo;
}

/**
 * Program images of processes that connected before, by the inode of their pidfd, which is unique per boot (Linux 6.9).
 * A kept image serves again only after a look that costs a few microseconds: same memory, exe and path
 * (`ProgramImage.changed`), same credentials and cgroup. On kernels without such inodes nothing is kept.
 */
export class ImageCache {
  readonly #kept = new Map<bigint, Kept>();

  /** The image that the peer runs now. The peer relies on it, and lets it go. */
  hold(peer: LinuxPeer): ProgramImage | Unknown {
    if (peer.image !== undefined) return peer.image;
    const { capabilities } = peer;
    const pidfd = peer.pidfd();
    const key = typeof pidfd === 'number' && capabilities.uniquePidfdInodes ? inodeOf(pidfd) : undefined;
    const info = key === undefined ? undefined : peer.info();
    if (key === undefined || info === undefined || 'why' in info) return this.#look(peer);
    return this.#again(peer, key, info) ?? this.#lookAndKeep(peer, key, info);
  }

  clear(): void {
    for (const { image } of this.#kept.values()) image.letGo();
    this.#kept.clear();
  }

  #again(peer: LinuxPeer, key: bigint, info: PidfdInfo): ProgramImage | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    this.#kept.delete(key);
    if (!sameInfo(kept.info, info) || kept.image.changed() !== undefined) {
      kept.image.letGo();
      return undefined;
    }
    this.#kept.set(key, kept); // now the youngest
    peer.rely(kept.image.use(), 'looked-at-now');
    return kept.image;
  }

  #look(peer: LinuxPeer): ProgramImage | Unknown {
    const image = ProgramImage.look(peer);
    if (image instanceof ProgramImage) peer.rely(image, 'to-be-verified');
    return image;
  }

  #lookAndKeep(peer: LinuxPeer, key: bigint, info: PidfdInfo): ProgramImage | Unknown {
    const image = this.#look(peer);
    if (!(image instanceof ProgramImage)) return image;
    if (this.#kept.size >= MOST_KEPT_IMAGES) this.#dropOldest();
    this.#kept.set(key, { image: image.use(), info });
    return image;
  }

  #dropOldest(): void {
    for (const [key, { image }] of this.#kept) {
      this.#kept.delete(key);
      image.letGo();
      return;
    }
  }
}

function sameInfo(a: PidfdInfo, b: PidfdInfo): boolean {
  return a.pid === b.pid && a.ruid === b.ruid && a.rgid === b.rgid && a.euid === b.euid && a.egid === b.egid && a.cgroupId === b.cgroupId;
}
