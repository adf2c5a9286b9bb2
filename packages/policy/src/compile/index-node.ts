import type { Conjunct } from './compiled-rule.js';
import { KeyFan } from './key-fan.js';

/** Up to so many conjunctions are tried one by one: faster than any lookup. */
const LEAF_SIZE = 6;

/**
 * Conjunctions whose first `depth` literals are dealt with. A small node is a leaf; a larger one splits, at the first
 * look, into what is done and one fan for each key that the rest is filed under.
 */
export class IndexNode {
  readonly conjuncts: readonly Conjunct[];
  readonly depth: number;
  readonly leaf: boolean;
  #done: readonly Conjunct[] | undefined;
  #fans: readonly KeyFan[] | undefined;

  constructor(conjuncts: readonly Conjunct[], depth: number) {
    this.conjuncts = conjuncts;
    this.depth = depth;
    this.leaf = conjuncts.length <= LEAF_SIZE;
  }

  /** The conjunctions with no literal left; their `rest` is still to be tried. */
  get done(): readonly Conjunct[] {
    return this.#done ?? this.#split().done;
  }

  /** The others, by the key of their next literal. */
  get fans(): readonly KeyFan[] {
    return this.#fans ?? this.#split().fans;
  }

  /** Splits now. */
  prepare(): void {
    if (!this.leaf) this.#split();
  }

  #split(): { readonly done: readonly Conjunct[]; readonly fans: readonly KeyFan[] } {
    const done: Conjunct[] = [];
    const byKey = new Map<number, Conjunct[]>();
    for (const conjunct of this.conjuncts) {
      const next = conjunct.literals[this.depth];
      if (next === undefined) done.push(conjunct);
      else {
        const filed = byKey.get(next.keyIndex);
        if (filed === undefined) byKey.set(next.keyIndex, [conjunct]);
        else filed.push(conjunct);
      }
    }
    const fans: KeyFan[] = [];
    for (const filed of byKey.values()) fans.push(new KeyFan(filed, this.depth));
    this.#done = done;
    this.#fans = fans;
    return { done, fans };
  }
}
