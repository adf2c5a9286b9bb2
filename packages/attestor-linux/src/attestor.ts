import { Catalogue, unknown, type Attestor, type Finding, type Findings, type Peer, type SelectorDefinition, type SelectorKey, type SelectorValue } from '@portcullis/core';
import { DigestCache, type DigestOptions } from './digest/digest-cache.js';
import { ProcessCache } from './image/process-cache.js';
import { Names } from './names/names.js';
import { LinuxPeer } from './peer.js';
import { probesOf } from './probes/all.js';
import type { Probe } from './probes/probe.js';

/** Establishes what the kernel says of a Linux peer. */
export class LinuxAttestor implements Attestor {
  readonly name = 'linux';
  readonly selectors: readonly SelectorDefinition[];
  readonly #names = new Names();
  readonly #processes = new ProcessCache();
  readonly #digests: DigestCache;
  readonly #probes: readonly Probe[];
  readonly #catalogue: Catalogue;
  readonly #owner = new Map<SelectorDefinition, Probe>();
  /** The engine asks with the same sets again and again. */
  readonly #plans = new WeakMap<ReadonlySet<SelectorKey>, readonly Probe[]>();

  constructor(options: { readonly digests?: DigestOptions } = {}) {
    this.#digests = new DigestCache(options.digests);
    this.#probes = probesOf(this.#names, this.#processes, this.#digests);
    for (const probe of this.#probes) for (const definition of probe.selectors) this.#owner.set(definition, probe);
    this.selectors = Object.freeze([...this.#owner.keys()]);
    this.#catalogue = new Catalogue(this.selectors);
  }

  attest(peer: Peer, wanted: ReadonlySet<SelectorKey>): Findings | Promise<Findings> {
    if (!(peer instanceof LinuxPeer)) return new Map([...wanted].map((key) => [key, unknown('socket-unsupported')]));
    const findings = new Map<SelectorKey, Finding>();
    let late: Promise<void>[] | undefined;
    for (const probe of this.#plan(wanted)) {
      const waiting = probe.ask(peer, wanted, findings);
      if (waiting !== undefined) (late ??= []).push(waiting);
    }
    return late === undefined ? findings : Promise.all(late).then(() => findings);
  }

  prepare(literals: ReadonlyMap<SelectorKey, ReadonlySet<SelectorValue>>): Promise<readonly string[]> {
    return this.#names.prepare(literals);
  }

  async close(): Promise<void> {
    this.#processes.clear();
    await this.#digests.close();
  }

  /** The probes that a set of keys needs, in their order. */
  #plan(wanted: ReadonlySet<SelectorKey>): readonly Probe[] {
    let plan = this.#plans.get(wanted);
    if (plan === undefined) {
      const needed = new Set([...wanted].map((key) => this.#catalogue.find(key)).map((definition) => definition && this.#owner.get(definition)));
      plan = this.#probes.filter((probe) => needed.has(probe));
      this.#plans.set(wanted, plan);
    }
    return plan;
  }
}
