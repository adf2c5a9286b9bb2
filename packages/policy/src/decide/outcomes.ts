import type { Cause, Decision, Grant } from '@portcullis/core';
import { strictest } from '../source/lease.js';
import type { CompiledRule } from '../compile/compiled-rule.js';

/** Rules named in one decision at most. The grant is that of all of them. */
export const MAX_NAMED_RULES = 64;
/** Different outcomes kept. Peers choose which rules match, so the store is bounded and starts anew when full. */
const MAX_OUTCOMES = 4096;

const NO_GRANT: Grant = Object.freeze({});

/** An allow beside which other rules would have allowed, had their limits not been exhausted. */
export function withExhausted(decision: Decision, rules: readonly CompiledRule[]): Decision {
  return Object.freeze({ ...decision, exhausted: Object.freeze(rules.slice(0, MAX_NAMED_RULES).map(({ id }) => id)) });
}

export function frozenDecision(effect: 'allow' | 'deny', cause: Cause, rules: readonly CompiledRule[]): Decision {
  const named = Object.freeze(rules.slice(0, MAX_NAMED_RULES).map(({ id }) => id));
  const reason = rules.find(({ rule }) => rule.reason !== undefined)?.rule.reason;
  const limits = effect === 'allow' ? rules.flatMap(({ limit }) => limit ?? []) : [];
  const grant = effect === 'allow' ? mergeGrants(rules) : NO_GRANT;
  return Object.freeze({
    effect, cause, rules: named, grant,
    ...(reason !== undefined && { reason }),
    ...(limits.length > 0 && { limits: Object.freeze(limits) }),
    ...(cause === 'limit' && { exhausted: named }),
    ...(effect === 'allow' && { terms: strictest(rules.map(({ rule }) => rule.terms)) }),
  });
}

/** Two rules never grant one name differently: loading refuses that. */
function mergeGrants(rules: readonly CompiledRule[]): Grant {
  return Object.freeze(Object.fromEntries(rules.flatMap(({ rule }) => Object.entries(rule.grant))));
}

/** Decisions by their cause and determining rules: the same rules, the same object. */
export class Outcomes {
  readonly #allow = new Step();
  readonly #deny = new Step();
  readonly #unknown = new Step();
  readonly #limit = new Step();
  #size = 0;

  of(effect: 'allow' | 'deny', cause: 'rule' | 'unknown-evidence' | 'limit', rules: CompiledRule[]): Decision {
    if (rules.length > 1) sortUnique(rules);
    if (rules.length > MAX_NAMED_RULES) return frozenDecision(effect, cause, rules);
    let step = effect === 'allow' ? this.#allow : cause === 'rule' ? this.#deny : cause === 'limit' ? this.#limit : this.#unknown;
    for (const rule of rules) step = this.#next(step, rule.index);
    return (step.decision ??= frozenDecision(effect, cause, rules));
  }

  #next(step: Step, index: number): Step {
    let next = step.steps.get(index);
    if (next !== undefined) return next;
    if (++this.#size > MAX_OUTCOMES) {
      for (const root of [this.#allow, this.#deny, this.#unknown, this.#limit]) root.steps.clear();
      this.#size = 0;
    }
    next = new Step();
    step.steps.set(index, next);
    return next;
  }
}

class Step {
  readonly steps = new Map<number, Step>();
  decision: Decision | undefined;
}

/** By position in the policy, each rule once. In place: the array is a scratch of the walk. */
export function sortUnique(rules: CompiledRule[]): void {
  rules.sort((a, b) => a.index - b.index);
  let kept = 0;
  for (const rule of rules) if (kept === 0 || rules[kept - 1] !== rule) rules[kept++] = rule;
  rules.length = kept;
}
