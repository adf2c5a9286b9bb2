import { TRUST_TIERS, trustRank } from '@portcullis/core';
import type { CompiledRule, Conjunct } from './compiled-rule.js';
import { IndexNode } from './index-node.js';
import { OF_A_STEP, type Steps } from './steps.js';

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
export function* makePlans(conjuncts: readonly Conjunct[]): Steps<Plans> {
  const common = new PlanDraft();
  const bound = new Map<string, PlanDraft>();
  let filed = 0;
  for (const conjunct of conjuncts) {
    if (++filed % OF_A_STEP === 0) yield;
    const { listeners } = conjunct.rule.rule;
    if (listeners === undefined) {
      common.add(conjunct);
      continue;
    }
    for (const listener of listeners) {
      let own = bound.get(listener);
      if (own === undefined) bound.set(listener, (own = new PlanDraft()));
      own.add(conjunct);
    }
  }
  const everywhere = yield* common.finish();
  const byListener = new Map<string, Plan>();
  for (const [listener, own] of bound) byListener.set(listener, join(everywhere, yield* own.finish()));
  return Object.freeze({ everywhere, byListener });
}

type Ranked = Map<number, Conjunct[]>;

/** The conjunctions of one plan, by effect and by the tiers that they may rest on. */
class PlanDraft {
  readonly #deny: Ranked = new Map();
  readonly #allow: Ranked = new Map();
  readonly #shadowDeny: Ranked = new Map();
  readonly #shadowAllow: Ranked = new Map();
  readonly #allowRules: CompiledRule[] = [];

  add(conjunct: Conjunct): void {
    const { effect, shadow, requires } = conjunct.rule.rule;
    // A deny rests on whatever is known: weak evidence may refuse, never admit.
    if (effect === 'deny') file(shadow ? this.#shadowDeny : this.#deny, TRUST_TIERS.length, conjunct);
    else {
      file(shadow ? this.#shadowAllow : this.#allow, trustRank(requires), conjunct);
      // The conjunctions of a rule stand together.
      if (!shadow && this.#allowRules.at(-1) !== conjunct.rule) this.#allowRules.push(conjunct.rule);
    }
  }

  *finish(): Steps<Plan> {
    return Object.freeze({
      deny: yield* roots(this.#deny),
      allow: yield* roots(this.#allow),
      shadowDeny: yield* roots(this.#shadowDeny),
      shadowAllow: yield* roots(this.#shadowAllow),
      allowRules: this.#allowRules,
    });
  }
}

function file(ranked: Ranked, rank: number, conjunct: Conjunct): void {
  const same = ranked.get(rank);
  if (same === undefined) ranked.set(rank, [conjunct]);
  else same.push(conjunct);
}

function* roots(ranked: Ranked): Steps<readonly Root[]> {
  const all: Root[] = [];
  for (const [maxRank, same] of ranked) {
    const node = new IndexNode(same, 0);
    // The first split belongs to loading, not to the first peer.
    yield* node.prepare();
    all.push(Object.freeze({ node, maxRank }));
  }
  return all;
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
