import type { Condition } from '../source/condition.js';
import type { Rule } from '../source/rule.js';
import type { Limit, SelectorKey } from '@portcullis/core';
import type { Literal } from './literal.js';

/** A rule as the index holds it. */
export interface CompiledRule {
  /** Its position in the policy. */
  readonly index: number;
  readonly id: string;
  readonly rule: Rule;
  readonly expiresMs: number | undefined;
  readonly window: Rule['window'];
  readonly limit: Limit | undefined;
  readonly skipUnknown: boolean;
  /** One bit for each of the first 30 names granted in the policy; the others share the sign bit. */
  readonly grantBits: number;
}

/** Literals that must all hold for the rule to match, in the order in which they are filed. */
export interface Conjunct {
  readonly rule: CompiledRule;
  readonly literals: readonly Literal[];
  /** What did not fit into the normal form, and must hold too. */
  readonly rest: Condition | undefined;
  readonly restKeys: readonly SelectorKey[];
  /** All keys, as a mask over the policy's `KeyTable`. */
  readonly keys: KeyMask;
}

/** A set of keys, 30 to a number. Short, and never changed after it was made. */
export type KeyMask = readonly number[];

export const KEYS_PER_WORD = 30;

export function addKey(mask: number[], keyIndex: number): void {
  const word = Math.floor(keyIndex / KEYS_PER_WORD);
  while (mask.length <= word) mask.push(0);
  mask[word] = (mask[word] ?? 0) | (1 << (keyIndex % KEYS_PER_WORD));
}

export function addMask(into: number[], mask: KeyMask): void {
  for (let word = 0; word < mask.length; word++) into[word] = (into[word] ?? 0) | (mask[word] ?? 0);
}

/** Shared by all names granted beyond the 30th: never taken as granted already. */
export const MANY_GRANTS = 1 << 31;
