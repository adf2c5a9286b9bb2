import { isDeepStrictEqual } from 'node:util';
import type { Decision } from './decision.js';
import type { Evidence } from './evidence.js';
import type { Policy, PolicyContext } from './policy.js';
import type { SelectorKey } from './selector.js';

/** What a candidate policy would have decided of one connection. */
export interface CandidateResult {
  readonly policy: { readonly name: string; readonly revision: string };
  readonly decision: Decision;
  /** Whether effect or grant differ from what was decided. */
  readonly diverges: boolean;
}

/** Connections that a candidate was asked of, and those of which it said something else. */
export interface Divergence {
  readonly compared: number;
  readonly diverged: number;
}

/** Refusals that the policy had no part in: every policy would see the same. */
const OF_POLICY: ReadonlySet<string> = new Set(['rule', 'default', 'unknown-evidence', 'limit', 'expired-policy']);

/** A policy beside the one in force: asked after each decision, and heard by nobody but the record. It charges no limit. */
export class Candidate implements Divergence {
  readonly policy: Policy;
  compared = 0;
  diverged = 0;

  constructor(policy: Policy) {
    this.policy = policy;
  }

  /** The keys that it still wants, of a decision that it has something to say of. */
  wanted({ cause }: Decision, evidence: Evidence, context: PolicyContext): ReadonlySet<SelectorKey> {
    return OF_POLICY.has(cause) ? this.policy.wanted(evidence, contextOf(context)) : NOTHING;
  }

  compare(decided: Decision, evidence: Evidence, context: PolicyContext): CandidateResult | undefined {
    if (!OF_POLICY.has(decided.cause)) return undefined;
    const decision = this.policy.decide(evidence, contextOf(context));
    const diverges = decision.effect !== decided.effect || !isDeepStrictEqual(decision.grant, decided.grant);
    this.compared += 1;
    if (diverges) this.diverged += 1;
    const { name, revision } = this.policy;
    return Object.freeze({ policy: Object.freeze({ name, revision }), decision, diverges });
  }
}

const NOTHING: ReadonlySet<SelectorKey> = new Set();

/** What the policy in force has counted says nothing of this one: its limits are taken as unexhausted. */
function contextOf({ listener, nowMs }: PolicyContext): PolicyContext {
  return { listener, nowMs };
}
