import { trustRank, type Evidence, type Evidenced, type SelectorValue } from '@portcullis/core';
import type { Condition, Matcher } from '../source/condition.js';

/** Kleene's three values, ordered: `all` is the least of its parts, `any` the greatest, `none` the mirror of `any`. */
export type Truth = 0 | 1 | 2;
export const FALSE = 0;
export const UNKNOWN = 1;
export const TRUE = 2;

/** What a matcher says of evidence that is present or absent. Never unknown: that is for the caller to see first. */
export function matchKnown(matcher: Matcher, evidenced: Exclude<Evidenced, { state: 'unknown' }>): boolean {
  if (matcher.op === 'exists') return (evidenced.state === 'present') === matcher.exists;
  if (evidenced.state === 'absent') return false;
  const { values } = evidenced;
  // `not`: no value matches.
  if (matcher.op === 'not') return !anyMatches(matcher.matcher, values);
  return anyMatches(matcher, values);
}

function anyMatches(matcher: Matcher, values: readonly SelectorValue[]): boolean {
  for (const value of values) if (matchValue(matcher, value)) return true;
  return false;
}

/** Whether one value satisfies a matcher that looks at values. */
export function matchValue(matcher: Matcher, value: SelectorValue): boolean {
  switch (matcher.op) {
    case 'exact':
      return matcher.values.has(value);
    case 'glob':
      return typeof value === 'string' && matcher.glob.matches(value);
    case 'prefix':
      return typeof value === 'string' && value.startsWith(matcher.prefix);
    case 'range':
      return typeof value === 'number' && value >= matcher.from && value <= matcher.to;
    case 'exists':
      return matcher.exists;
    case 'not':
      return !matchValue(matcher.matcher, value);
  }
}

/** Whether the evidence can be read at all by a rule that rests on tiers up to `maxRank`. */
export function isKnown(evidenced: Evidenced | undefined, maxRank: number): evidenced is Exclude<Evidenced, { state: 'unknown' }> {
  return evidenced !== undefined && evidenced.state !== 'unknown' && trustRank(evidenced.tier) <= maxRank;
}

/** The truth of a condition, the slow and obvious way. Unasked reads as unknown. */
export function evaluate(condition: Condition, evidence: Evidence, maxRank: number): Truth {
  if (condition.kind === 'test') {
    const evidenced = evidence.get(condition.key);
    if (!isKnown(evidenced, maxRank)) return UNKNOWN;
    return matchKnown(condition.matcher, evidenced) ? TRUE : FALSE;
  }
  const { kind, conditions } = condition;
  // `all` stops at false; `any` and `none` stop at true.
  const stop = kind === 'all' ? FALSE : TRUE;
  let truth: Truth = kind === 'all' ? TRUE : FALSE;
  for (const part of conditions) {
    const one = evaluate(part, evidence, maxRank);
    if (one === stop) {
      truth = stop;
      break;
    }
    if (one === UNKNOWN) truth = UNKNOWN;
  }
  return kind === 'none' ? negate(truth) : truth;
}

export function negate(truth: Truth): Truth {
  return truth === TRUE ? FALSE : truth === FALSE ? TRUE : UNKNOWN;
}
