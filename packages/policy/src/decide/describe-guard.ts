import { trustRank, type Evidence, type FailedCondition, type PolicyContext } from '@portcullis/core';
import { isKnown } from '../compile/truth.js';
import type { Rule } from '../source/rule.js';
import { describeTest } from './describe-test.js';

/** One thing beside `when` that a rule depends on: its window, its limit, or a key of its limit. */
export interface Guard {
  readonly holds: boolean;
  readonly condition: FailedCondition;
}

/** The names under which windows and limits stand among conditions: no attestor's source is called `rule`. */
export const WINDOW_KEY = 'rule:window';
export const LIMIT_KEY = 'rule:limit';

/** What a rule depends on beside its condition, and whether it holds. */
export function guardsOf(rule: Rule, evidence: Evidence, { nowMs, limits }: PolicyContext): readonly Guard[] {
  const guards: Guard[] = [];
  const { window, limit } = rule;
  if (window !== undefined) {
    guards.push({
      holds: window.isOpen(nowMs),
      condition: Object.freeze({ key: WINDOW_KEY, expected: window.expected, observed: Object.freeze([window.shown(nowMs)]), state: 'present', place: window.source.placeAt(window.span.offset) }),
    });
  }
  if (limit === undefined) return guards;
  const unknown = limit.tests.filter(({ key }) => !isKnown(evidence.get(key), trustRank(rule.requires)));
  for (const test of unknown) guards.push({ holds: false, condition: describeTest(test, evidence, rule) });
  if (unknown.length === 0) {
    const holds = limits?.hasRoom(limit.limit, evidence, nowMs) ?? true;
    guards.push({
      holds,
      condition: Object.freeze({ key: LIMIT_KEY, expected: limit.expected, observed: Object.freeze([holds ? 'not exhausted' : 'exhausted']), state: 'present', place: limit.source.placeAt(limit.span.offset) }),
    });
  }
  return guards;
}
