import type { AttestorHost } from './attestor-host.js';
import type { SelectorDefinition } from './catalogue.js';
import type { Evidence, Findings } from './evidence.js';
import type { Peer } from './peer.js';
import type { SelectorKey, SelectorValue } from './selector.js';

/** Establishes facts about peers. Implemented by platform packages and by plugins. */
export interface Attestor {
  /** Unique in a gate: it ends in records and in error messages. */
  readonly name: string;
  /** What it can establish. Read once, when the gate is made. */
  readonly selectors: readonly SelectorDefinition[];

  /**
   * Called once, before anything else, where the platform can offer something to attestors that ask services. Keep `host`;
   * connect when a key is wanted.
   */
  attach?(host: AttestorHost): void;

  /**
   * Called once an admission and cost tier, with a pinned or pinnable peer and only the keys still needed, all from
   * `selectors`. Return a finding for every wanted key; what is missing counts as unknown. Throw only for a defect: a
   * throw is a refusal. `signal` aborts at the admission deadline: what comes later is dropped. Never keep `peer` after
   * returning. Answer synchronously where you can: then admission needs no turn of the event loop. `given` has the evidence
   * of what the wanted keys' definitions name as `needs`, each present or absent, and nothing else.
   */
  attest(peer: Peer, wanted: ReadonlySet<SelectorKey>, signal: AbortSignal, given: Evidence): Findings | Promise<Findings>;

  /**
   * Called when a policy loads, and again on the gate's refresh timer, with the values that the policy names in so many
   * words for this attestor's keys. Resolve here what must not be resolved while a peer waits (user names). A throw at
   * load refuses the policy; a throw at a refresh is reported, and what was resolved before stays. Returns warnings for
   * the operator, one line each: a user that this host does not have.
   */
  prepare?(literals: ReadonlyMap<SelectorKey, ReadonlySet<SelectorValue>>): readonly string[] | Promise<readonly string[]>;

  /** Releases what the attestor holds (caches, workers). Called when the gate closes. Idempotent. */
  close?(): void | Promise<void>;
}
