import type { Grant, LeaseTerms, TrustTier } from '@portcullis/core';
import type { Span } from '../findings/finding.js';
import type { SourceText } from '../findings/source-text.js';
import type { Condition } from './condition.js';
import type { RuleLimit } from './rule-limit.js';
import type { Window } from './window.js';

/** A rule as checked: everything typed, sets resolved, defaults filled in. */
export interface Rule {
  readonly id: string;
  readonly effect: 'allow' | 'deny';
  readonly when: Condition;
  /** The listeners it is bound to; undefined is all. */
  readonly listeners: ReadonlySet<string> | undefined;
  readonly shadow: boolean;
  /** From this moment on the rule no longer matches; undefined is never. */
  readonly expiresMs: number | undefined;
  /** Only while it is open does the rule match; undefined is always. */
  readonly window: Window | undefined;
  /** Of an allow: what it may admit. */
  readonly limit: RuleLimit | undefined;
  /** The weakest tier it may rest on. Only an allow has a meaning for it: on a deny it is the weakest of all. */
  readonly requires: TrustTier;
  /** A deny that does not deny when its evidence is unknown. */
  readonly skipUnknown: boolean;
  readonly grant: Grant;
  /** What a connection that it allows depends on while it lives. */
  readonly terms: LeaseTerms;
  readonly reason: string | undefined;
  readonly annotations: Readonly<Record<string, string>>;
  readonly source: SourceText;
  /** Of its id. */
  readonly span: Span;
}

type Timed = Pick<Rule, 'expiresMs' | 'window'>;

/** Whether the rule takes part at this moment, whatever its effect: an expired deny denies no longer, nor does one outside its window. */
export function isActive(rule: Timed, nowMs: number): boolean {
  return !hasExpired(rule, nowMs) && (rule.window === undefined || rule.window.isOpen(nowMs));
}

/** Whether the rule is over for good. */
export function hasExpired({ expiresMs }: Pick<Rule, 'expiresMs'>, nowMs: number): boolean {
  return expiresMs !== undefined && nowMs >= expiresMs;
}
