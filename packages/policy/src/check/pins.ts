import type { SelectorKey } from '@portcullis/core';
import type { Conjunct } from '../compile/compiled-rule.js';
import type { Literal } from '../compile/literal.js';

/** The keys whose values a conjunction says something positive about. What is only excluded pins nothing. */
export function pinsOf(conjunct: Conjunct): ReadonlySet<SelectorKey> {
  return new Set(conjunct.literals.filter(isPin).map(({ key }) => key));
}

function isPin({ negated, matcher }: Literal): boolean {
  return !negated && matcher.op !== 'exists' && matcher.op !== 'not';
}
