import { Catalogue, unknown, type Attestor, type Finding, type Findings, type Peer, type SelectorDefinition, type SelectorKey, type SelectorValue } from '@portcullis/core';
import { DigestCache, Names, type DigestOptions } from '@portcullis/core/platform';
import { askGetent } from './getent.js';
import { ProcessCache } from './image/process-cache.js';
import { HolderFinder } from './loopback/holder-finder.js';
import { LoopbackPeer } from './loopback/loopback-peer.js';
import { LinuxPeer } from './peer.js';
import { probesOf } from './probes/all.js';
import type { Probe } from './probes/probe.js';

/** Establishes what the kernel says of a Linux peer. */
export class LinuxAttestor implements Attestor {
  readonly name = 'linux';
  readonly selectors: readonly SelectorDefinition[];
  readonly #names = new Names(askGetent);
  readonly #processes = new ProcessCache();
  readonly #holders = new HolderFinder();
  readonly #digests: DigestCache;
  readonly #probes: readonly Probe[];
  readonly #catalogue: Catalogue;
  readonly #owner = new Map<SelectorDefinition, Probe>();
  /** The engine asks with the same sets again and again. */
  readonly #plans = new WeakMap<ReadonlySet<SelectorKey>, readonly Step[]>();

  constructor(options: { readonly digests?: DigestOptions } = {}) {
    this.#digests = new DigestCache(options.digests);
    this.#probes = probesOf(this.#names, this.#processes, this.#digests);
    for (const probe of this.#probes) for (const definition of probe.selectors) this.#owner.set(definition, probe);
    this.selectors = Object.freeze([...this.#owner.keys()]);
    this.#catalogue = new Catalogue(this.selectors);
  }

  attest(peer: Peer, wanted: ReadonlySet<SelectorKey>, signal?: AbortSignal): Findings | Promise<Findings> {
    if (!(peer instanceof LinuxPeer)) return new Map([...wanted].map((key) => [key, unknown('socket-unsupported')]));
    const plan = this.#plan(wanted);
    // The process behind a TCP connection has to be looked for, and only where a key wants it.
    const located = peer instanceof LoopbackPeer && plan.some(needsProcess) ? peer.locate(this.#holders, signal) : undefined;
    return located === undefined ? ask(peer, plan, signal) : located.then(() => ask(peer, plan, signal));
  }

  prepare(literals: ReadonlyMap<SelectorKey, ReadonlySet<SelectorValue>>): Promise<readonly string[]> {
    return this.#names.prepare(literals);
  }

  async close(): Promise<void> {
    this.#processes.clear();
    await Promise.all([this.#digests.close(), this.#holders.close()]);
  }

  /** The probes that a set of keys needs, in their order, each with its own keys. */
  #plan(wanted: ReadonlySet<SelectorKey>): readonly Step[] {
    let plan = this.#plans.get(wanted);
    if (plan === undefined) {
      plan = this.#probes.map((probe) => ({ probe, keys: [...wanted].filter((key) => this.#ownerOf(key) === probe) })).filter(({ keys }) => keys.length > 0);
      this.#plans.set(wanted, plan);
    }
    return plan;
  }

  #ownerOf(key: SelectorKey): Probe | undefined {
    const definition = this.#catalogue.find(key);
    return definition && this.#owner.get(definition);
  }
}

/** One probe of a plan. */
interface Step {
  readonly probe: Probe;
  readonly keys: readonly SelectorKey[];
}

function needsProcess({ probe }: Step): boolean {
  return probe.selectors.some(({ cost }) => cost !== 'socket');
}

function ask(peer: LinuxPeer, plan: readonly Step[], signal: AbortSignal | undefined): Findings | Promise<Findings> {
  const findings = new Map<SelectorKey, Finding>();
  let late: Promise<void>[] | undefined;
  for (const { probe, keys } of plan) {
    const waiting = probe.ask(peer, keys, findings, signal);
    if (waiting !== undefined) (late ??= []).push(waiting);
  }
  return late === undefined ? findings : Promise.all(late).then(() => findings);
}
