import { trustRank, type Decision, type Evidence, type FailedCondition, type PolicyContext, type SelectorKey, type SelectorValue, type SourcePlace, type TrustTier, type UnknownReason } from '@portcullis/core';
import { evaluate, FALSE, TRUE, type Truth } from '../compile/truth.js';
import type { CompiledPolicy } from '../decide/compiled-policy.js';
import { guardsOf } from '../decide/describe-guard.js';
import { describeTest } from '../decide/describe-test.js';
import type { Condition, Group, Test } from '../source/condition.js';
import { hasExpired, type Rule } from '../source/rule.js';

export type TruthName = 'true' | 'false' | 'unknown';

/** A test and what was seen. */
export interface TestExplanation {
  readonly kind: 'test';
  readonly truth: TruthName;
  readonly key: SelectorKey;
  /** As the policy spells it; only the operator where the key is sensitive (I10). */
  readonly expected: string;
  /** Masked where the key is sensitive (I10); bounded. */
  readonly observed: readonly SelectorValue[];
  readonly state: FailedCondition['state'];
  readonly why?: UnknownReason;
  /** How much the evidence is worth; undefined where there is none. */
  readonly tier?: TrustTier;
  readonly place: SourcePlace;
}

export interface GroupExplanation {
  readonly kind: Group['kind'];
  readonly truth: TruthName;
  /** The set that it was written as. */
  readonly set?: string;
  readonly parts: readonly ConditionExplanation[];
  /** Parts left out where a condition is very large. */
  readonly omitted: number;
}

export type ConditionExplanation = TestExplanation | GroupExplanation;

export interface RuleExplanation {
  readonly id: string;
  readonly effect: 'allow' | 'deny';
  readonly shadow: boolean;
  /** Whether it is among the determining rules of the decision. */
  readonly determining: boolean;
  /** Why the rule takes no part, where it does not. */
  readonly inactive?: 'expired' | 'outside-window' | 'other-listener';
  readonly truth: TruthName;
  readonly requires?: TrustTier;
  readonly reason?: string;
  readonly place: SourcePlace;
  readonly condition: ConditionExplanation;
  /** What it depends on beside its condition: its window as `rule:window`, its limit as `rule:limit`, keys of its limit that are not known. */
  readonly guards: readonly TestExplanation[];
}

/** A decision, and every rule with every condition. Made for people: slow, and complete within bounds. */
export interface Explanation {
  readonly decision: Decision;
  readonly listener: string;
  readonly rules: readonly RuleExplanation[];
  /** Rules left out where a policy is very large. */
  readonly omitted: number;
}

const MAX_RULES = 1000;
const MAX_TESTS = 20_000;

/** Explains a decision rule by rule. The determining rules come first where a policy is too large to show all. */
export function explain(policy: CompiledPolicy, evidence: Evidence, context: PolicyContext): Explanation {
  const decision = policy.decide(evidence, context);
  const determining = new Set(decision.rules);
  const shown = policy.rules.length <= MAX_RULES ? policy.rules : [...policy.rules].sort((a, b) => Number(determining.has(b.id)) - Number(determining.has(a.id))).slice(0, MAX_RULES);
  const budget = { tests: MAX_TESTS };
  const rules = shown.map((rule) => explainRule(rule, evidence, context, determining.has(rule.id), budget));
  return Object.freeze({ decision, listener: context.listener, rules: Object.freeze(rules), omitted: policy.rules.length - rules.length });
}

function explainRule(rule: Rule, evidence: Evidence, context: PolicyContext, determining: boolean, budget: { tests: number }): RuleExplanation {
  const inactive = hasExpired(rule, context.nowMs) ? 'expired' : rule.window?.isOpen(context.nowMs) === false ? 'outside-window' : rule.listeners?.has(context.listener) === false ? 'other-listener' : undefined;
  const guards = guardsOf(rule, evidence, context);
  const truth = evaluate(rule.when, evidence, trustRank(rule.requires));
  return Object.freeze({
    id: rule.id,
    effect: rule.effect,
    shadow: rule.shadow,
    determining,
    ...(inactive === undefined ? {} : { inactive }),
    truth: nameOf(guards.every(({ holds }) => holds) ? truth : FALSE),
    ...(rule.effect === 'allow' ? { requires: rule.requires } : {}),
    ...(rule.reason === undefined ? {} : { reason: rule.reason }),
    place: rule.source.placeAt(rule.span.offset),
    condition: explainCondition(rule.when, evidence, rule, budget),
    guards: Object.freeze(guards.map(({ holds, condition }) => explainGuard(holds, condition))),
  });
}

function explainCondition(condition: Condition, evidence: Evidence, rule: Rule, budget: { tests: number }): ConditionExplanation {
  const truth = nameOf(evaluate(condition, evidence, trustRank(rule.requires)));
  if (condition.kind === 'test') return explainTest(condition, evidence, rule, truth);
  const parts: ConditionExplanation[] = [];
  for (const part of condition.conditions) {
    if ((budget.tests -= 1) < 0) break;
    parts.push(explainCondition(part, evidence, rule, budget));
  }
  const { kind, set } = condition;
  const omitted = condition.conditions.length - parts.length;
  return Object.freeze(set === undefined ? { kind, truth, parts, omitted } : { kind, truth, set, parts, omitted });
}

function explainTest(test: Test, evidence: Evidence, rule: Rule, truth: TruthName): TestExplanation {
  const evidenced = evidence.get(test.key);
  const tier = evidenced === undefined || evidenced.state === 'unknown' ? undefined : evidenced.tier;
  const { key, expected, observed, state, why, place } = describeTest(test, evidence, rule);
  return Object.freeze({ kind: 'test', truth, key, expected, observed, state, ...(why === undefined ? {} : { why }), ...(tier === undefined ? {} : { tier }), place });
}

function explainGuard(holds: boolean, { key, expected, observed, state, why, place }: FailedCondition): TestExplanation {
  const truth = holds ? 'true' : state === 'unknown' || state === 'not-collected' ? 'unknown' : 'false';
  return Object.freeze({ kind: 'test', truth, key, expected, observed, state, ...(why === undefined ? {} : { why }), place });
}

function nameOf(truth: Truth): TruthName {
  return truth === TRUE ? 'true' : truth === FALSE ? 'false' : 'unknown';
}
