import type { Attestor } from './attestor.js';
import type { Catalogue } from './catalogue.js';
import type { DescriptorBudget } from './descriptor-budget.js';
import { PortcullisError } from './errors.js';
import type { DecisionSink } from './events.js';
import type { HandoffPort } from './handoff.js';
import type { Rate } from './limits/limit.js';
import type { ListenPort } from './listener.js';
import { LONGEST_TIMER_MS } from './live.js';
import type { PeerSource } from './peer.js';
import type { Policy } from './policy.js';
import type { RefusalStyle } from './refuse.js';
import type { SelectorKey } from './selector.js';

/** Plain values: no container is needed. */
export interface GateOptions {
  readonly policy: Policy;
  readonly peerSource: PeerSource;
  readonly attestors: readonly Attestor[];
  /** Makes hardened sockets for `listen({ path })`; without it only `fd` and `systemd` can be served, unchecked. */
  readonly listenPort?: ListenPort;
  /** Reads connections that a policy admits with `handoff: deny`; without it such a policy is refused. */
  readonly handoffPort?: HandoffPort;
  /** The name that rules are bound to and records carry. */
  readonly listener?: string;
  /** Takes a record of every connection. */
  readonly sink?: DecisionSink;
  /** Milliseconds since the epoch. */
  readonly clock?: () => number;
  /** How long an admission may wait for late answers. */
  readonly deadlineMs?: number;
  /** Admissions that may wait at once, in all and per uid. */
  readonly maxPending?: number;
  readonly maxPendingPerUid?: number;
  /** How fast connections of one uid are looked at; more are refused before anything is asked of their process (T20). Unless told, no limit. */
  readonly ratePerUid?: Rate;
  /**
   * Admits everyone, and records what would have been decided (I2). Refuses what is no connection of this gate's kind, and
   * what there is no room for.
   */
  readonly observe?: boolean;
  /** A policy that is asked after the one in force: where it would have decided otherwise, that is recorded. It refuses nobody. */
  readonly candidate?: Policy | undefined;
  /** The descriptor budget, where several gates share one process. */
  readonly budget?: DescriptorBudget;
  /** How a refused peer is told. */
  readonly refusal?: RefusalStyle;
  /** Keys wanted for the record, asked for after the decision; they refuse nobody. A handler need not see them yet: the event `admitted` does. */
  readonly collect?: readonly SelectorKey[];
  /** How long a live connection may stay that a new policy does not admit. Unless told, it is ended at once. */
  readonly policyGraceMs?: number;
  /** How often `Attestor.prepare` is called again; 0 never. */
  readonly refreshMs?: number;
  /** Whoever made the attestors closes them; unless told, the gate does. */
  readonly sharedAttestors?: boolean;
}

export const DEFAULTS = Object.freeze({
  listener: 'default',
  deadlineMs: 5000,
  maxPending: 4096,
  maxPendingPerUid: 1024,
  refreshMs: 60_000,
  drainMs: 10_000,
});

/** @throws PortcullisError `GATE_OPTIONS` naming the option that makes no sense. */
export function checkOptions(options: GateOptions): void {
  // Node's timers fire at once where they cannot wait that long.
  wholeNumber(options, 'deadlineMs', 1, LONGEST_TIMER_MS);
  wholeNumber(options, 'refreshMs', 0, LONGEST_TIMER_MS);
  wholeNumber(options, 'policyGraceMs', 0, LONGEST_TIMER_MS);
  wholeNumber(options, 'maxPending', 1, Number.MAX_SAFE_INTEGER);
  wholeNumber(options, 'maxPendingPerUid', 1, Number.MAX_SAFE_INTEGER);
  checkRate(options.ratePerUid);
  if (options.observe !== undefined && typeof options.observe !== 'boolean') {
    throw new PortcullisError('GATE_OPTIONS', '`observe` must be true or false', { facts: { option: 'observe' } });
  }
  const names = options.attestors.map(({ name }) => name);
  if (new Set(names).size < names.length) {
    throw new PortcullisError('GATE_OPTIONS', 'two `attestors` have one name', { facts: { option: 'attestors', names: names.join(', ') } });
  }
}

function checkRate(rate: Rate | undefined): void {
  if (rate === undefined || (Number.isFinite(rate.perSecond) && rate.perSecond > 0 && Number.isSafeInteger(rate.burst) && rate.burst >= 1)) return;
  throw new PortcullisError('GATE_OPTIONS', '`ratePerUid` needs `perSecond`, more than 0, and `burst`, a whole number of at least 1', { facts: { option: 'ratePerUid' } });
}

/** @throws PortcullisError `GATE_OPTIONS` for a key that no attestor of the gate establishes. */
export function checkCollect(keys: readonly SelectorKey[], catalogue: Catalogue): void {
  const unknown = keys.find((key) => catalogue.find(key) === undefined);
  if (unknown === undefined) return;
  throw new PortcullisError('GATE_OPTIONS', `\`collect\` names \`${unknown}\`, which no attestor of this gate establishes`, { facts: { option: 'collect', key: unknown } });
}

function wholeNumber(options: GateOptions, name: 'deadlineMs' | 'refreshMs' | 'policyGraceMs' | 'maxPending' | 'maxPendingPerUid', least: number, most: number): void {
  const value = options[name];
  if (value === undefined || (Number.isSafeInteger(value) && value >= least && value <= most)) return;
  throw new PortcullisError('GATE_OPTIONS', `\`${name}\` must be a whole number from ${String(least)} to ${String(most)}, not ${String(value)}`, { facts: { option: name } });
}
