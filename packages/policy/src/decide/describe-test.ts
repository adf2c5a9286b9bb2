import { trustRank, type Evidence, type FailedCondition } from '@portcullis/core';
import { isKnown } from '../compile/truth.js';
import type { Matcher, Test } from '../source/condition.js';
import type { Rule } from '../source/rule.js';

/** Values that are shown of one key at most. */
const MAX_OBSERVED = 16;
const MASKED = Object.freeze(['(masked)']);
const NONE: readonly never[] = Object.freeze([]);

/**
 * What a test expected of this rule's evidence, and what was there. Of sensitive keys both stay masked (I10): an exact
 * value that matched, or a `not` that did not, would tell what was seen.
 */
export function describeTest(test: Test, evidence: Evidence, rule: Rule, negated = false): FailedCondition {
  const { key } = test;
  const spelled = test.definition.sensitive === true ? spellMasked(test.matcher) : test.expected;
  const expected = negated ? `none of: ${spelled}` : spelled;
  const place = test.source.placeAt(test.span.offset);
  const evidenced = evidence.get(key);
  if (evidenced === undefined) return Object.freeze({ key, expected, observed: NONE, state: 'not-collected', place });
  if (evidenced.state === 'unknown') return Object.freeze({ key, expected, observed: NONE, state: 'unknown', why: evidenced.why, place });
  const weak = rule.effect === 'allow' && !isKnown(evidenced, trustRank(rule.requires));
  const state = weak ? 'too-weak' : evidenced.state;
  if (evidenced.state === 'absent') return Object.freeze({ key, expected, observed: NONE, state, place });
  const observed = test.definition.sensitive === true ? MASKED : Object.freeze(evidenced.values.slice(0, MAX_OBSERVED));
  return Object.freeze({ key, expected, observed, state, place });
}

/** The operator without its values. */
function spellMasked(matcher: Matcher): string {
  switch (matcher.op) {
    case 'exact':
      return '***';
    case 'exists':
      return matcher.exists ? 'exists' : 'absent';
    case 'not':
      return `not ${spellMasked(matcher.matcher)}`;
    case 'glob':
    case 'prefix':
    case 'range':
      return `${matcher.op} ***`;
  }
}
