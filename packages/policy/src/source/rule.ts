import type { Grant, LeaseTerms, TrustTier } from '@portcullis/core';
import type { Span } from '../findings/finding.js';
import type { SourceText } from '../findings/source-text.js';
import type { Condition } from './condition.js';

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

/** Whether the rule has not expired. Expiry ends a rule whatever its effect: an expired deny denies no longer. */
export function isActive(rule: { readonly expiresMs: number | undefined }, nowMs: number): boolean {
  return rule.expiresMs === undefined || nowMs < rule.expiresMs;
}
