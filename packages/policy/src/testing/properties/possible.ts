import { trustRank, type Evidence } from '@portcullis/core';
import { evaluate, FALSE, TRUE, UNKNOWN, type Truth } from '../../compile/truth.js';
import type { Condition } from '../../source/condition.js';

/** Truths that are possible: one bit each. */
export type Truths = number;

const bit = (truth: Truth): Truths => 1 << truth;
export const MAYBE_FALSE = bit(FALSE);
export const MAYBE_UNKNOWN = bit(UNKNOWN);
export const MAYBE_TRUE = bit(TRUE);

const WEAKEST = trustRank('peer-asserted');

/**
 * The truths that a condition may still come to, whatever the keys turn out to be that the evidence has not. May name more
 * than are possible, where one key stands in several places; never fewer. Tiers ranked beyond `maxRank` count as unknown.
 */
export function possibleTruths(condition: Condition, evidence: Evidence, maxRank = WEAKEST): Truths {
  if (condition.kind === 'test') {
    return evidence.has(condition.key) ? bit(evaluate(condition, evidence, maxRank)) : MAYBE_FALSE | MAYBE_UNKNOWN | MAYBE_TRUE;
  }
  // `none` is the mirror of `any`, which is the mirror of `all`.
  const mirrored = condition.kind !== 'all';
  let [some, every] = [0, MAYBE_FALSE | MAYBE_UNKNOWN | MAYBE_TRUE];
  let neverFalse = MAYBE_TRUE | MAYBE_UNKNOWN;
  for (const part of condition.conditions) {
    const one = mirrored ? mirror(possibleTruths(part, evidence, maxRank)) : possibleTruths(part, evidence, maxRank);
    some |= one;
    every &= one;
    if ((one & (MAYBE_TRUE | MAYBE_UNKNOWN)) === 0) neverFalse = 0;
  }
  const all = (some & MAYBE_FALSE) | (neverFalse === 0 ? 0 : some & MAYBE_UNKNOWN) | (every & MAYBE_TRUE);
  return condition.kind === 'any' ? mirror(all) : all;
}

function mirror(truths: Truths): Truths {
  return (truths & MAYBE_UNKNOWN) | ((truths & MAYBE_FALSE) === 0 ? 0 : MAYBE_TRUE) | ((truths & MAYBE_TRUE) === 0 ? 0 : MAYBE_FALSE);
}
