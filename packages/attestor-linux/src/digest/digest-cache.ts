import { unknown, type Finding } from '@portcullis/core';
import { SysFailure } from '../ffi/errno.js';
import { closeFd } from '../ffi/file.js';
import { sameFile, statFd, type FileIdentity } from '../ffi/statx.js';
import type { ProgramImage } from '../image/program-image.js';
import type { LinuxPeer } from '../peer.js';
import { present } from '../probes/probe.js';
import { unknownOf } from '../unknown-of.js';
import { DigestWorker } from './digest-worker.js';

export interface DigestOptions {
  /** A larger executable is not read: its digest is unknown, `limit`. Default 1 GiB. */
  readonly mostBytes?: number;
  /** How many digests are kept. Default 4096. */
  readonly mostKept?: number;
}

/** A file system's clock may tick as slowly as this: within one tick a second write leaves no trace in the times. */
const TICK_MS = 2000;

/**
 * SHA-256 of executables: kept by device, inode, size and both times, one flight a file, read on a worker thread (T17).
 * A file that changed while it was read has no digest.
 */
export class DigestCache {
  readonly #mostBytes: bigint;
  readonly #mostKept: number;
  readonly #kept = new Map<string, Finding>();
  readonly #flights = new Map<string, Promise<Finding>>();
  readonly #worker = new DigestWorker();

  constructor(options: DigestOptions = {}) {
    this.#mostBytes = BigInt(options.mostBytes ?? 1 << 30);
    this.#mostKept = options.mostKept ?? 4096;
  }

  /** The digest of an image's executable: at once where it is known, else a promise that never rejects. */
  digest(peer: LinuxPeer, image: ProgramImage): Finding | Promise<Finding> {
    const { exe } = image;
    const key = identityKey(exe);
    const kept = this.#kept.get(key);
    if (kept !== undefined) return kept;
    const flight = this.#flights.get(key);
    if (flight !== undefined) return flight;
    if (exe.size > this.#mostBytes) return unknown('limit', `the executable has ${String(exe.size)} bytes`);
    const file = image.openContent(peer);
    if (typeof file !== 'number') return file;
    const took = this.#read(file, exe, key).finally(() => {
      this.#flights.delete(key);
      closeFd(file);
    });
    this.#flights.set(key, took);
    return took;
  }

  close(): Promise<void> {
    return this.#worker.close();
  }

  async #read(file: Parameters<typeof closeFd>[0], exe: FileIdentity, key: string): Promise<Finding> {
    const beganMs = Date.now();
    const before = statFd(file);
    if (before instanceof SysFailure) return unknownOf(before);
    if (!sameFile(before, exe)) return unknown('peer-changed', 'the exe link led to another file when it was opened');
    const hex = await this.#worker.sha256(file);
    if (typeof hex !== 'string') return hex;
    const after = statFd(file);
    // After the last read: a file that was written meanwhile has no one digest.
    if (after instanceof SysFailure || !sameFile(after, exe)) return unknown('peer-changed', 'the executable changed while it was read');
    const finding = present(hex);
    // Written so lately that another write could leave the same times: true of what was read, but not to be kept.
    if (beganMs - Number(exe.ctimeNs / 1_000_000n) < TICK_MS) return finding;
    if (this.#kept.size >= this.#mostKept) this.#kept.delete(this.#kept.keys().next().value ?? '');
    this.#kept.set(key, finding);
    return finding;
  }
}

function identityKey({ dev, ino, size, mtimeNs, ctimeNs }: FileIdentity): string {
  return `${String(dev)}:${String(ino)}:${String(size)}:${String(mtimeNs)}:${String(ctimeNs)}`;
}
