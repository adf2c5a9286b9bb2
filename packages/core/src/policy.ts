import type { Decision, NearestMiss, ShadowResult } from './decision.js';
import type { Evidence } from './evidence.js';
import type { Limit, LimitState } from './limits/limit.js';
import type { SelectorKey, SelectorValue } from './selector.js';

/** What a decision depends on beside policy and evidence (I6). */
export interface PolicyContext {
  /** The listener's name; rules may be bound to some listeners. */
  readonly listener: string;
  /** Milliseconds since the epoch, from the gate's clock. */
  readonly nowMs: number;
  /** What limits have counted; undefined: nothing, so that none is exhausted. */
  readonly limits?: LimitState | undefined;
}

/**
 * A compiled policy: immutable and pure. The engine asks `wanted` until it is empty, then `decide`.
 * Nothing here may do input or output, and every method must be cheap: it stands on the accept path.
 */
export interface Policy {
  readonly name: string;
  /** Changes whenever a decision could: a digest of the source, or its `metadata.revision` beside one. */
  readonly revision: string;

  /**
   * The keys that could still change effect or grant of the enforced decision, given `evidence`. Asked keys are
   * never in it, whatever their state. Empty: the decision is fixed. Called once a tier; may return the same set twice.
   */
  wanted(evidence: Evidence, context: PolicyContext): ReadonlySet<SelectorKey>;

  /** The keys that only shadow rules still want. Asked after the enforced decision; refuses nobody. */
  wantedByShadow(evidence: Evidence, context: PolicyContext): ReadonlySet<SelectorKey>;

  /** The enforced decision. An unasked key is read as unknown: it can then only refuse. */
  decide(evidence: Evidence, context: PolicyContext): Decision;

  /** What the shadow rules would have said; empty when there are none. */
  shadow(evidence: Evidence, context: PolicyContext): readonly ShadowResult[];

  /** The allow rule that failed by the fewest conditions; undefined when the listener has none. Only asked after a refusal. */
  nearest(evidence: Evidence, context: PolicyContext): NearestMiss | undefined;

  /** The limits of its enforced rules: what was counted for any other is forgotten when the policy takes effect. */
  readonly limits?: readonly Limit[];

  /**
   * Whether a connection of this listener may be allowed with `handoff: deny`: asked when it begins to listen and when the
   * policy takes effect, never for a connection. Missing: no.
   */
  deniesHandoff?(listener: string): boolean;

  /** Every value that the policy names in so many words, by key: what `Attestor.prepare` resolves. */
  readonly literals: ReadonlyMap<SelectorKey, ReadonlySet<SelectorValue>>;

  /** Every key the policy mentions, shadow rules included. */
  readonly keys: ReadonlySet<SelectorKey>;
}
