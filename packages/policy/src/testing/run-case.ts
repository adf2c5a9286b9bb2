import { isDeepStrictEqual } from 'node:util';
import { exhaustedLimits, type Decision, type NearestMiss, type PolicyContext, type ShadowResult } from '@portcullis/core';
import type { CompiledPolicy } from '../decide/compiled-policy.js';
import { explain, type Explanation } from '../explain/explain.js';
import type { Expectation, ExpectedMiss, TestCase } from './policy-test.js';

/** One expectation that was not met: what it was of, what was expected, what was seen. */
export interface Mismatch {
  readonly of: keyof Expectation;
  readonly expected: string;
  readonly seen: string;
}

export interface CaseResult {
  readonly test: TestCase;
  readonly ok: boolean;
  readonly mismatches: readonly Mismatch[];
  readonly decision: Decision;
  readonly shadow: readonly ShadowResult[];
  readonly nearest: NearestMiss | undefined;
}

/** What the policy is asked for a case. */
export function contextOf({ listener, clockMs, exhausted }: TestCase): PolicyContext {
  return { listener, nowMs: clockMs, limits: exhaustedLimits(exhausted) };
}

/** Decides over the peer of a case, as a gate would that had collected everything, and compares. */
export function runCase(policy: CompiledPolicy, test: TestCase): CaseResult {
  const context = contextOf(test);
  const decision = policy.decide(test.peer, context);
  const shadow = policy.shadow(test.peer, context);
  const nearest = decision.effect === 'deny' ? policy.nearest(test.peer, context) : undefined;
  const mismatches = [...compare(test.expect, decision, shadow, nearest)];
  return Object.freeze({ test, ok: mismatches.length === 0, mismatches, decision, shadow, nearest });
}

/** Why a case came out as it did: for those that failed. */
export function explainCase(policy: CompiledPolicy, test: TestCase): Explanation {
  return explain(policy, test.peer, contextOf(test));
}

function* compare(expect: Expectation, decision: Decision, shadow: readonly ShadowResult[], nearest: NearestMiss | undefined): Generator<Mismatch> {
  const { effect, cause, rules, grant } = decision;
  const differs = (of: keyof Expectation, expected: unknown, seen: unknown): Mismatch => ({ of, expected: spell(expected), seen: spell(seen) });
  if (expect.decision !== undefined && expect.decision !== effect) yield differs('decision', expect.decision, effect);
  if (expect.cause !== undefined && expect.cause !== cause) yield differs('cause', expect.cause, cause);
  if (expect.rule !== undefined && !rules.includes(expect.rule)) yield differs('rule', expect.rule, rules);
  if (expect.rules !== undefined && !sameNames(expect.rules, rules)) yield differs('rules', expect.rules, rules);
  if (expect.grant !== undefined && !isDeepStrictEqual(expect.grant, grant)) yield differs('grant', expect.grant, grant);
  const matched = shadow.map(({ rule }) => rule);
  if (expect.shadow !== undefined && !sameNames(expect.shadow, matched)) yield differs('shadow', expect.shadow, matched);
  if (expect.nearest !== undefined && !isNearest(expect.nearest, nearest)) yield differs('nearest', spellMiss(expect.nearest), spellMiss(missOf(nearest, expect.nearest)));
}

function isNearest(expected: ExpectedMiss | null, seen: NearestMiss | undefined): boolean {
  if (expected === null || seen === undefined) return expected === null && seen === undefined;
  return expected.rule === seen.rule && (expected.failed === undefined || sameNames(expected.failed, seen.failed.map(({ key }) => key)));
}

/** What was seen, in as much detail as was expected. */
function missOf(seen: NearestMiss | undefined, expected: ExpectedMiss | null): ExpectedMiss | null {
  if (seen === undefined) return null;
  const failed = [...new Set(seen.failed.map(({ key }) => key))];
  return expected?.failed === undefined ? { rule: seen.rule } : { rule: seen.rule, failed };
}

function sameNames(expected: readonly string[], seen: readonly string[]): boolean {
  const [a, b] = [new Set(expected), new Set(seen)];
  return a.size === b.size && [...a].every((name) => b.has(name));
}

function spellMiss(miss: ExpectedMiss | null): string {
  if (miss === null) return 'none';
  return miss.failed === undefined ? miss.rule : `${miss.rule}, failed by ${miss.failed.join(', ')}`;
}

function spell(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.join(', ');
  return JSON.stringify(value);
}
