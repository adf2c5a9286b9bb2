import type { Unknown } from '@portcullis/core';
import { SysFailure } from '../ffi/errno.js';
import type { ProcessCache } from '../image/process-cache.js';
import type { LinuxPeer } from '../peer.js';
import { whyMainGone } from '../main-thread.js';
import { undecodable } from '../probes/probe.js';
import { cgroupIdentity, type CgroupIdentity } from '../proc/cgroup-identity.js';
import { asBuffer } from '../proc/decode.js';
import { parseCgroup, type CgroupLine } from '../proc/parse-cgroup.js';
import { readProc } from '../proc/read.js';
import { anchorFault } from './anchor.js';

/** As long as a look at a program serves (decision 0004): only root can give a folder away, and is believed for so long. */
const LOOK_SERVES_MS = 1000;
const MOST_PLACES = 1024;

/** What one text of `/proc/PID/cgroup` says. Processes of one service share it, and what the folders said of it. */
export class Place {
  readonly identity: CgroupIdentity;
  readonly #lines: readonly CgroupLine[];
  #look: { readonly cgroupId: bigint | undefined; readonly atMs: number; readonly fault: string | undefined } | undefined;

  constructor(lines: readonly CgroupLine[], identity: CgroupIdentity) {
    this.#lines = lines;
    this.identity = identity;
  }

  /** The line of version 2, which alone has extended attributes. */
  get unified(): CgroupLine | undefined {
    return this.#lines.find(({ hierarchy }) => hierarchy === 0);
  }

  /** Why the folders do not bear out the container that the text names (`anchorFault`); asked anew after a second. */
  fault(cgroupId: bigint | undefined): string | undefined {
    const now = performance.now();
    const last = this.#look;
    if (last?.cgroupId === cgroupId && last !== undefined && now - last.atMs < LOOK_SERVES_MS) return last.fault;
    const fault = anchorFault(this.#lines, cgroupId);
    this.#look = { cgroupId, atMs: now, fault };
    return fault;
  }
}

/** By the text that a known process keeps, and by its content. */
const byText = new WeakMap<Uint8Array, Place>();
const byContent = new Map<string, Place>();

/**
 * The place of a pinned peer, read now: a process can be moved at any time. Of a main thread that has exited, while others go on, version 1
 * shows the root of every hierarchy, and version 2 the group that it was in: nobody knows where such a process is (I4).
 */
export function placeOf(peer: LinuxPeer, processes: ProcessCache): Place | Unknown {
  const place = read(peer, processes);
  if (!(place instanceof Place)) return place;
  return whyMainGone(peer, 'its groups') ?? place; // after the groups: it left its memory before them (do_exit, kernel/exit.c)
}

function read(peer: LinuxPeer, processes: ProcessCache): Place | Unknown {
  const folder = peer.procFolder();
  if (typeof folder !== 'string') return folder;
  const known = processes.of(peer);
  const bytes = known === undefined ? readProc(`${folder}/cgroup`) : known.cgroupText(folder);
  if (bytes instanceof SysFailure) return peer.unknownOf(bytes);
  const same = known === undefined ? undefined : byText.get(bytes);
  if (same !== undefined) return same;
  const place = understand(bytes, peer.capabilities.cgroupNamespaced);
  if (place === undefined) return undecodable(`${folder}/cgroup`);
  if (known !== undefined) byText.set(bytes, place);
  return place;
}

function understand(bytes: Uint8Array, namespaced: boolean): Place | undefined {
  const content = `${String(namespaced)} ${asBuffer(bytes).toString('latin1')}`;
  const known = byContent.get(content);
  if (known !== undefined) return known;
  const lines = parseCgroup(bytes);
  const identity = lines && cgroupIdentity(lines, { namespaced });
  if (lines === undefined || identity === undefined) return undefined;
  if (byContent.size >= MOST_PLACES) byContent.clear();
  const place = new Place(lines, identity);
  byContent.set(content, place);
  return place;
}

/** The cgroup id of version 2 of a pinned peer; undefined where the kernel does not say it. */
export function cgroupIdOf(peer: LinuxPeer): bigint | undefined | Unknown {
  const info = peer.info();
  if ('why' in info) return info.why === 'kernel-unsupported' ? undefined : info;
  return info.cgroupId === 0n ? undefined : info.cgroupId;
}
