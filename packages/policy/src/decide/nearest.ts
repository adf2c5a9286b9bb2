import { trustRank, type Evidence, type FailedCondition, type NearestMiss, type PolicyContext } from '@portcullis/core';
import type { CompiledRule } from '../compile/compiled-rule.js';
import type { IndexNode } from '../compile/index-node.js';
import type { Plan } from '../compile/plan.js';
import { Slot, type Found } from '../compile/key-fan.js';
import { evaluate, FALSE, TRUE } from '../compile/truth.js';
import type { Condition, Test } from '../source/condition.js';
import { hasExpired, type Rule } from '../source/rule.js';
import { guardsOf } from './describe-guard.js';
import { describeTest } from './describe-test.js';

/** Rules examined for one refusal: those that the index hits first, then the first ones as written. */
export const MAX_CANDIDATES = 32;
/** Tests evaluated for one refusal. A flood of refusals must stay cheap. */
export const MAX_TESTS = 1024;
/** Failed conditions that a miss lists at most. */
const MAX_FAILED = 32;

/** The allow rule that failed by the fewest conditions, of a bounded choice. Undefined where none did fail. */
export function findNearest(plan: Plan, evidence: Evidence, context: PolicyContext): NearestMiss | undefined {
  let budget = MAX_TESTS;
  let best: Miss | undefined;
  for (const { rule } of candidates(plan, evidence)) {
    if (hasExpired(rule, context.nowMs)) continue;
    if (rule.when.size > budget) continue;
    budget -= rule.when.size;
    const failed = failures(rule.when, evidence, trustRank(rule.requires));
    const guards = guardsOf(rule, evidence, context).filter(({ holds }) => !holds).map(({ condition }) => condition);
    if (failed.length + guards.length === 0) return undefined;
    const seen = failed.filter(({ test }) => evidence.has(test.key)).length + guards.filter(({ state }) => state !== 'not-collected').length;
    const miss = { rule, failed, guards, seen };
    if (best === undefined || isNearer(miss, best)) best = miss;
  }
  if (best === undefined) return undefined;
  const { rule, failed, guards } = best;
  return Object.freeze({
    rule: rule.id,
    place: rule.source.placeAt(rule.span.offset),
    failed: Object.freeze([...failed.map(({ test, negated }) => describeTest(test, evidence, rule, negated)), ...guards].slice(0, MAX_FAILED)),
  });
}

interface Miss {
  readonly rule: Rule;
  readonly failed: readonly Failure[];
  /** What the rule depends on beside its condition, and failed by. */
  readonly guards: readonly FailedCondition[];
  /** Failures of keys that were asked: the others nobody needed to look at. */
  readonly seen: number;
}

/** By fewer failures that were seen, then by fewer in all; of as many, the rule of which more did hold. */
function isNearer(miss: Miss, best: Miss): boolean {
  if (miss.seen !== best.seen) return miss.seen < best.seen;
  const [here, there] = [miss, best].map(({ failed, guards }) => failed.length + guards.length);
  if (here !== there && here !== undefined && there !== undefined) return here < there;
  // Who fails by its window or limit alone is the one that was meant.
  if (miss.failed.length !== best.failed.length) return miss.failed.length < best.failed.length;
  return miss.rule.when.size > best.rule.when.size;
}

function candidates(plan: Plan, evidence: Evidence): Iterable<CompiledRule> {
  if (plan.allowRules.length <= MAX_CANDIDATES) return plan.allowRules;
  const found = new Set<CompiledRule>();
  for (const { node } of plan.allow) hits(node, evidence, found);
  for (const rule of plan.allowRules) {
    if (found.size >= MAX_CANDIDATES) break;
    found.add(rule);
  }
  return found;
}

/** Rules of which the index knows that their first conditions hold, deepest first. */
function hits(node: IndexNode, evidence: Evidence, found: Set<CompiledRule>): void {
  if (found.size >= MAX_CANDIDATES) return;
  if (!node.leaf) {
    for (const fan of node.fans) {
      const evidenced = evidence.get(fan.key);
      if (evidenced?.state !== 'present') continue;
      const filed: Found[] = [];
      fan.find(evidenced.values, filed);
      for (const one of filed.slice(0, MAX_CANDIDATES)) {
        if (one instanceof Slot) hits(one.node, evidence, found);
        else if (found.size < MAX_CANDIDATES) found.add(one.rule);
      }
    }
  }
  if (node.depth === 0 && !node.leaf) return;
  for (const { rule } of node.conjuncts) {
    if (found.size >= MAX_CANDIDATES) return;
    found.add(rule);
  }
}

/** A test that stands in the way: by not being true, or below `none` by not being false. */
interface Failure {
  readonly test: Test;
  readonly negated: boolean;
}

/** The tests that keep a condition from being true: of an `any`, those of its nearest part. */
function failures(condition: Condition, evidence: Evidence, maxRank: number): readonly Failure[] {
  if (condition.kind === 'test') {
    return evaluate(condition, evidence, maxRank) === TRUE ? [] : [{ test: condition, negated: false }];
  }
  const { kind, conditions } = condition;
  if (kind === 'all') return conditions.flatMap((part) => failures(part, evidence, maxRank));
  if (kind === 'none') return conditions.flatMap((part) => obstacles(part, evidence, maxRank));
  return conditions.map((part) => failures(part, evidence, maxRank)).reduce(fewer);
}

/** The tests that keep a condition from being false, as it should be below `none`. */
function obstacles(condition: Condition, evidence: Evidence, maxRank: number): readonly Failure[] {
  if (condition.kind === 'test') {
    return evaluate(condition, evidence, maxRank) === FALSE ? [] : [{ test: condition, negated: true }];
  }
  const { kind, conditions } = condition;
  if (kind === 'any') return conditions.flatMap((part) => obstacles(part, evidence, maxRank));
  const inner = kind === 'none' ? failures : obstacles;
  return conditions.map((part) => inner(part, evidence, maxRank)).reduce(fewer);
}

function fewer(a: readonly Failure[], b: readonly Failure[]): readonly Failure[] {
  return b.length < a.length ? b : a;
}
