import { trustRank, type Evidence, type PolicyContext } from '@portcullis/core';
import { evaluate, FALSE, TRUE } from '../compile/truth.js';
import { guardsOf } from '../decide/describe-guard.js';
import type { Condition, Test } from '../source/condition.js';
import { isActive, type Rule } from '../source/rule.js';
import { contextOf } from './run-case.js';
import type { TestCase } from './policy-test.js';

/** How often a condition was seen to decide its rule, one way and the other. */
export interface BranchCoverage {
  readonly test: Test;
  readonly held: number;
  readonly failed: number;
}

export interface RuleCoverage {
  readonly rule: Rule;
  /** Cases in which it matched. */
  readonly matched: number;
}

/** What the cases of a test reach of its policy. */
export interface Coverage {
  readonly rules: readonly RuleCoverage[];
  readonly branches: readonly BranchCoverage[];
}

/**
 * Walks every rule for every case, beside the decision and not in it. Of a rule it counts matches. A condition has two
 * branches, to hold and to fail, and a case counts for one only where the condition decides: where all else in the rule
 * is so that the rule would turn with it (masking MC/DC). A condition of a set is one condition, whichever rule uses it.
 */
export function measureCoverage(rules: readonly Rule[], cases: readonly TestCase[]): Coverage {
  const counter = new Counter();
  const counted = rules.map((rule) => ({ rule, matched: 0 }));
  for (const { rule } of counted) counter.know(rule.when);
  for (const test of cases) {
    const context = contextOf(test);
    for (const one of counted) {
      if (!takesPart(one.rule, context)) continue;
      const maxRank = trustRank(one.rule.requires);
      const matches = evaluate(one.rule.when, test.peer, maxRank) === TRUE && guardsOf(one.rule, test.peer, context).every(({ holds }) => holds);
      if (matches) one.matched++;
      counter.count(one.rule.when, test.peer, maxRank);
    }
  }
  return Object.freeze({ rules: Object.freeze(counted), branches: counter.result() });
}

function takesPart(rule: Rule, { listener, nowMs }: PolicyContext): boolean {
  return isActive(rule, nowMs) && rule.listeners?.has(listener) !== false;
}

class Counter {
  readonly #counts = new Map<Test, { held: number; failed: number }>();

  readonly #known = new Set<Condition>();

  know(condition: Condition): void {
    // A set is one condition, however many rules use it.
    if (this.#known.has(condition)) return;
    this.#known.add(condition);
    if (condition.kind !== 'test') for (const part of condition.conditions) this.know(part);
    else if (!this.#counts.has(condition)) this.#counts.set(condition, { held: 0, failed: 0 });
  }

  /** To be called for a condition that decides. Unknown is neither branch. */
  count(condition: Condition, evidence: Evidence, maxRank: number): void {
    if (condition.kind === 'test') {
      const counts = this.#counts.get(condition);
      const truth = evaluate(condition, evidence, maxRank);
      if (counts !== undefined && truth === TRUE) counts.held++;
      if (counts !== undefined && truth === FALSE) counts.failed++;
      return;
    }
    // A part decides while no other part does: all others true in an `all`, all others false in `any` and `none`.
    const neutral = condition.kind === 'all' ? TRUE : FALSE;
    const others = condition.conditions.filter((part) => evaluate(part, evidence, maxRank) !== neutral);
    if (others.length > 1) return;
    for (const part of others.length === 1 ? others : condition.conditions) this.count(part, evidence, maxRank);
  }

  result(): readonly BranchCoverage[] {
    return Object.freeze([...this.#counts].map(([test, counts]) => Object.freeze({ test, ...counts })));
  }
}

/** How much of something is covered. Nothing to cover is covered. */
export interface Share {
  readonly covered: number;
  readonly total: number;
  readonly percent: number;
}

export function shareOf(coverage: Coverage, of: 'rules' | 'branches'): Share {
  const hits = of === 'rules' ? coverage.rules.map(({ matched }) => matched) : coverage.branches.flatMap(({ held, failed }) => [held, failed]);
  const covered = hits.filter((count) => count > 0).length;
  return { covered, total: hits.length, percent: hits.length === 0 ? 100 : (covered * 100) / hits.length };
}
