import { unknown, type Attestor, type Finding, type Findings, type Peer, type SelectorDefinition, type SelectorKey, type SelectorValue } from '@portcullis/core';
import { DigestCache, Names, type AskSystem, type DigestOptions } from '@portcullis/core/platform';
import { askDirectory } from './dscacheutil.js';
import { Lsof, type LsofOptions } from './lsof/lsof.js';
import { DarwinPeer } from './peer.js';
import { probesOf } from './probes/all.js';
import type { Probe } from './probes/probe.js';

export interface DarwinAttestorOptions {
  readonly digests?: DigestOptions;
  readonly lsof?: LsofOptions;
  /** Who is asked for the ids of names. Open Directory, unless told. */
  readonly directory?: AskSystem;
}

/** Establishes what the kernel says of a peer on macOS. */
export class DarwinAttestor implements Attestor {
  readonly name = 'darwin';
  readonly selectors: readonly SelectorDefinition[];
  readonly #names: Names;
  readonly #digests: DigestCache;
  readonly #probes: readonly Probe[];

  constructor(options: DarwinAttestorOptions = {}) {
    this.#names = new Names(options.directory ?? askDirectory);
    this.#digests = new DigestCache(options.digests);
    this.#probes = probesOf(this.#names, new Lsof(options.lsof), this.#digests);
    this.selectors = Object.freeze(this.#probes.flatMap(({ selectors }) => selectors));
  }

  attest(peer: Peer, wanted: ReadonlySet<SelectorKey>, signal?: AbortSignal): Findings | Promise<Findings> {
    if (!(peer instanceof DarwinPeer)) return new Map([...wanted].map((key) => [key, unknown('socket-unsupported')]));
    const findings = new Map<SelectorKey, Finding>();
    const late: Promise<void>[] = [];
    for (const probe of this.#probes) {
      const keys = probe.selectors.map(({ key }) => key).filter((key) => wanted.has(key));
      const waiting = keys.length === 0 ? undefined : probe.ask(peer, keys, findings, signal);
      if (waiting !== undefined) late.push(waiting);
    }
    return late.length === 0 ? findings : Promise.all(late).then(() => findings);
  }

  prepare(literals: ReadonlyMap<SelectorKey, ReadonlySet<SelectorValue>>): Promise<readonly string[]> {
    return this.#names.prepare(literals);
  }

  close(): Promise<void> {
    return this.#digests.close();
  }
}
