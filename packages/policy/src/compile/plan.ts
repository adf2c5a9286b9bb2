import { TRUST_TIERS, trustRank } from '@portcullis/core';
import type { CompiledRule, Conjunct } from './compiled-rule.js';
import { IndexNode } from './index-node.js';

/** An index over rules that rest on the same tiers. */
export interface Root {
  readonly node: IndexNode;
  /** Evidence ranked beyond is unknown to these rules. */
  readonly maxRank: number;
}

/** The indexes that a listener consults. */
export interface Plan {
  readonly deny: readonly Root[];
  readonly allow: readonly Root[];
  readonly shadowDeny: readonly Root[];
  readonly shadowAllow: readonly Root[];
  /** The enforced allow rules, as written: the candidates for the nearest miss. */
  readonly allowRules: readonly CompiledRule[];
}

/** The plan of listeners that no rule names, and one for each that a rule does. */
export interface Plans {
  readonly everywhere: Plan;
  readonly byListener: ReadonlyMap<string, Plan>;
}

/** Rules without listeners are indexed once for all listeners; a listener's own rules once for each. */
export function makePlans(conjuncts: readonly Conjunct[]): Plans {
  const common: Conjunct[] = [];
  const bound = new Map<string, Conjunct[]>();
  for (const conjunct of conjuncts) {
    const { listeners } = conjunct.rule.rule;
    if (listeners === undefined) common.push(conjunct);
    else {
      for (const listener of listeners) {
        const own = bound.get(listener);
        if (own === undefined) bound.set(listener, [conjunct]);
        else own.push(conjunct);
      }
    }
  }
  const everywhere = makePlan(common);
  const byListener = new Map<string, Plan>();
  for (const [listener, own] of bound) byListener.set(listener, join(everywhere, makePlan(own)));
  return Object.freeze({ everywhere, byListener });
}

function makePlan(conjuncts: readonly Conjunct[]): Plan {
  const deny: Conjunct[] = [];
  const allow: Conjunct[] = [];
  const shadowDeny: Conjunct[] = [];
  const shadowAllow: Conjunct[] = [];
  const allowRules: CompiledRule[] = [];
  for (const conjunct of conjuncts) {
    const { effect, shadow } = conjunct.rule.rule;
    if (effect === 'deny') (shadow ? shadowDeny : deny).push(conjunct);
    else {
      (shadow ? shadowAllow : allow).push(conjunct);
      // The conjunctions of a rule stand together.
      if (!shadow && allowRules.at(-1) !== conjunct.rule) allowRules.push(conjunct.rule);
    }
  }
  return Object.freeze({
    deny: roots(deny),
    allow: roots(allow),
    shadowDeny: roots(shadowDeny),
    shadowAllow: roots(shadowAllow),
    allowRules,
  });
}

function join(a: Plan, b: Plan): Plan {
  return Object.freeze({
    deny: [...a.deny, ...b.deny],
    allow: [...a.allow, ...b.allow],
    shadowDeny: [...a.shadowDeny, ...b.shadowDeny],
    shadowAllow: [...a.shadowAllow, ...b.shadowAllow],
    allowRules: [...a.allowRules, ...b.allowRules],
  });
}

function roots(conjuncts: readonly Conjunct[]): readonly Root[] {
  const byRank = new Map<number, Conjunct[]>();
  for (const conjunct of conjuncts) {
    const { effect, requires } = conjunct.rule.rule;
    // A deny rests on whatever is known: weak evidence may refuse, never admit.
    const rank = effect === 'deny' ? TRUST_TIERS.length : trustRank(requires);
    const same = byRank.get(rank);
    if (same === undefined) byRank.set(rank, [conjunct]);
    else same.push(conjunct);
  }
  return [...byRank].map(([maxRank, same]) => {
    const node = new IndexNode(same, 0);
    // The first split belongs to loading, not to the first peer.
    node.prepare();
    return Object.freeze({ node, maxRank });
  });
}
