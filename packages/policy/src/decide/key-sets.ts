import { FrozenSet, type Evidence, type SelectorKey } from '@portcullis/core';
import { KEYS_PER_WORD, type KeyMask } from '../compile/compiled-rule.js';

const EMPTY: ReadonlySet<SelectorKey> = new FrozenSet<SelectorKey>();
/** Different answers of one policy are few; a policy made to have many starts anew. */
const MAX_SETS = 4096;

/** Turns masks of keys into sets, the same mask always into the same frozen set. */
export class KeySets {
  readonly #keys: readonly SelectorKey[];
  readonly #root = new Step();
  #size = 0;

  constructor(keys: readonly SelectorKey[]) {
    this.#keys = keys;
  }

  /** The keys of the mask that the evidence has not: an asked key is never wanted again, whatever its state. */
  unasked(mask: KeyMask, evidence: Evidence): ReadonlySet<SelectorKey> {
    let step = this.#root;
    let any = 0;
    for (let word = 0; word < mask.length; word++) {
      const bits = this.#withoutAsked(word, mask[word] ?? 0, evidence);
      any |= bits;
      step = this.#next(step, bits);
    }
    if (any === 0) return EMPTY;
    return (step.set ??= new FrozenSet(this.#keys.filter((key, index) => inMask(mask, index) && !evidence.has(key))));
  }

  #withoutAsked(word: number, bits: number, evidence: Evidence): number {
    let left = bits;
    let unasked = bits;
    while (left !== 0) {
      const bit = left & -left;
      left ^= bit;
      const key = this.#keys[word * KEYS_PER_WORD + 31 - Math.clz32(bit)];
      if (key === undefined || evidence.has(key)) unasked ^= bit;
    }
    return unasked;
  }

  #next(step: Step, bits: number): Step {
    let next = step.steps.get(bits);
    if (next !== undefined) return next;
    if (++this.#size > MAX_SETS) {
      this.#root.steps.clear();
      this.#size = 0;
    }
    next = new Step();
    step.steps.set(bits, next);
    return next;
  }
}

class Step {
  readonly steps = new Map<number, Step>();
  set: ReadonlySet<SelectorKey> | undefined;
}

function inMask(mask: KeyMask, keyIndex: number): boolean {
  return (((mask[Math.floor(keyIndex / KEYS_PER_WORD)] ?? 0) >>> (keyIndex % KEYS_PER_WORD)) & 1) === 1;
}

export { EMPTY as NO_KEYS };
