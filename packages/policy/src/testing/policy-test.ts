import type { Cause, Evidence, Grant, SelectorKey } from '@portcullis/core';
import type { CompiledPolicy } from '../decide/compiled-policy.js';
import type { Span } from '../findings/finding.js';
import type { SourceText } from '../findings/source-text.js';
import type { Condition } from '../source/condition.js';

/** Where something stands in the test file. */
export interface Placed {
  readonly source: SourceText;
  readonly span: Span;
}

/** What a case expects. What it does not mention may be anything. */
export interface Expectation {
  readonly decision?: 'allow' | 'deny';
  readonly cause?: Cause;
  /** Among the determining rules. */
  readonly rule?: string;
  /** All determining rules, in any order. */
  readonly rules?: readonly string[];
  /** The whole grant. */
  readonly grant?: Grant;
  /** All shadow rules that match, or that could not be excluded, in any order. */
  readonly shadow?: readonly string[];
  /** The nearest miss after a refusal; `null` is none. */
  readonly nearest?: ExpectedMiss | null;
}

export interface ExpectedMiss {
  readonly rule: string;
  /** The keys of all conditions that it failed by, in any order. */
  readonly failed?: readonly SelectorKey[];
}

/** A peer that comes to a listener at a moment, and what is to come of it. */
export interface TestCase extends Placed {
  readonly name: string;
  readonly listener: string;
  readonly clockMs: number;
  readonly peer: Evidence;
  /** Rules whose limits have no room left; all others have. */
  readonly exhausted: readonly string[];
  readonly expect: Expectation;
}

/** What shall hold of every peer, on every listener, at all times. */
export interface Property extends Placed {
  readonly name: string;
  readonly kind: 'never' | 'always';
  readonly decision: 'allow' | 'deny';
  /** Names that are granted, with these values: others may be granted beside them. */
  readonly grant: Grant | undefined;
  /** The peers that it speaks of; undefined is all. */
  readonly where: Condition | undefined;
  /** The listeners that it speaks of; undefined is all. */
  readonly listeners: readonly string[] | undefined;
}

/** What the cases must cover at least, in per cent. */
export interface Threshold extends Placed {
  readonly of: 'rules' | 'branches';
  readonly percent: number;
}

/** A test file as it was read and checked, with the policy that it tests. */
export interface PolicyTest {
  readonly file: string;
  readonly policy: CompiledPolicy;
  readonly clockMs: number;
  readonly cases: readonly TestCase[];
  readonly properties: readonly Property[];
  readonly thresholds: readonly Threshold[];
}
