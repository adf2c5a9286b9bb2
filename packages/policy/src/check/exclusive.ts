import type { Conjunct } from '../compile/compiled-rule.js';
import { isNegated, type Literal } from '../compile/literal.js';
import { matchValue } from '../compile/truth.js';
import type { SelectorDefinition, SelectorKey } from '@portcullis/core';

export type Definitions = ReadonlyMap<SelectorKey, SelectorDefinition>;

/** Whether two conjunctions can be proved never to hold of one peer. False means only that it could not be proved. */
export function areExclusive(a: Conjunct, b: Conjunct, definitions: Definitions): boolean {
  for (const left of a.literals) {
    for (const right of b.literals) {
      if (left.key === right.key && contradict(left, right, definitions)) return true;
    }
  }
  return false;
}

function contradict(a: Literal, b: Literal, definitions: Definitions): boolean {
  if (isNegated(a) !== isNegated(b)) {
    const [held, excluded] = isNegated(a) ? [b.matcher, a.matcher] : [a.matcher, b.matcher];
    if (held === excluded) return true;
    if (held.op === 'exact' && excluded.op === 'exact') return [...held.values].every((value) => excluded.values.has(value));
  }
  if (demandsAbsence(a)) return demandsPresence(b);
  if (demandsAbsence(b)) return demandsPresence(a);
  // Of a key with many values, one may satisfy the one and one the other.
  if (definitions.get(a.key)?.many !== false || isNegated(a) || isNegated(b)) return false;
  return disjoint(a, b) || disjoint(b, a);
}

function demandsAbsence(literal: Literal): boolean {
  return literal.matcher.op === 'exists' && literal.matcher.exists === isNegated(literal);
}

function demandsPresence(literal: Literal): boolean {
  return literal.matcher.op === 'exists' ? literal.matcher.exists !== isNegated(literal) : !isNegated(literal);
}

/** Whether no single value can satisfy both. */
function disjoint({ matcher: a }: Literal, { matcher: b }: Literal): boolean {
  if (a.op === 'exact') return [...a.values].every((value) => !matchValue(b, value));
  if (a.op === 'range' && b.op === 'range') return a.to < b.from;
  if (a.op === 'prefix') {
    const other = b.op === 'prefix' ? b.prefix : b.op === 'glob' ? b.glob.literalPrefix : undefined;
    return other !== undefined && !other.startsWith(a.prefix) && !a.prefix.startsWith(other);
  }
  if (a.op === 'glob' && b.op === 'glob') {
    const [left, right] = [a.glob.literalPrefix, b.glob.literalPrefix];
    return !left.startsWith(right) && !right.startsWith(left);
  }
  return false;
}
