import { trustRank, type Evidence, type FailedCondition } from '@portcullis/core';
import { isKnown } from '../compile/truth.js';
import type { Test } from '../source/condition.js';
import type { Rule } from '../source/rule.js';

/** Values that are shown of one key at most. */
const MAX_OBSERVED = 16;
const MASKED = Object.freeze(['(masked)']);
const NONE: readonly never[] = Object.freeze([]);

/** What a test expected of this rule's evidence, and what was there. Values of sensitive keys stay masked (I10). */
export function describeTest(test: Test, evidence: Evidence, rule: Rule, expected = test.expected): FailedCondition {
  const { key } = test;
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
