import type { SelectorKey } from '@portcullis/core';
import type { Conjunct } from './compiled-rule.js';
import { KeyFan } from './key-fan.js';
import { finish, OF_A_STEP, type Steps } from './steps.js';

/** Up to so many conjunctions are tried one by one: faster than any lookup. */
const LEAF_SIZE = 6;

/** A node that was split. */
interface Split {
  /** The conjunctions with no literal left; their `rest` is still to be tried. */
  readonly done: readonly Conjunct[];
  /** The others, by the key of their next literal. */
  readonly fans: readonly KeyFan[];
}

/**
 * Conjunctions whose first `depth` literals are dealt with. A small node is a leaf; a larger one splits, at the first
 * look, into what is done and one fan for each key that the rest is filed under.
 */
export class IndexNode {
  readonly conjuncts: readonly Conjunct[];
  readonly depth: number;
  readonly leaf: boolean;
  #split: Split | undefined;

  constructor(conjuncts: readonly Conjunct[], depth: number) {
    this.conjuncts = conjuncts;
    this.depth = depth;
    this.leaf = conjuncts.length <= LEAF_SIZE;
  }

  get done(): readonly Conjunct[] {
    return this.#splitNow().done;
  }

  get fans(): readonly KeyFan[] {
    return this.#splitNow().fans;
  }

  /** Splits in steps: nothing of it is seen before the last. */
  *prepare(): Steps<void> {
    if (!this.leaf) this.#split ??= yield* split(this);
  }

  #splitNow(): Split {
    return (this.#split ??= finish(split(this)));
  }
}

function* split({ conjuncts, depth }: IndexNode): Steps<Split> {
  const done: Conjunct[] = [];
  const fans = new Map<SelectorKey, KeyFan>();
  let filed = 0;
  for (const conjunct of conjuncts) {
    if (++filed % OF_A_STEP === 0) yield;
    const next = conjunct.literals[depth];
    if (next === undefined) {
      done.push(conjunct);
      continue;
    }
    let fan = fans.get(next.key);
    if (fan === undefined) fans.set(next.key, (fan = new KeyFan(next.key, depth, conjuncts)));
    fan.add(conjunct, next);
  }
  for (const fan of fans.values()) {
    yield;
    fan.seal();
  }
  return { done, fans: [...fans.values()] };
}
