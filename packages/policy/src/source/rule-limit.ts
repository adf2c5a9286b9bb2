import type { Limit } from '@portcullis/core';
import type { Span } from '../findings/finding.js';
import type { SourceText } from '../findings/source-text.js';
import type { Test } from './condition.js';

/** The limit of an allow rule, where the policy says so. */
export interface RuleLimit {
  readonly limit: Limit;
  /** As people read it: `20/s, burst 40, 8 at once, for each unix:uid`. */
  readonly expected: string;
  /** One for each key: it must be known, or nobody could tell whom to count. */
  readonly tests: readonly Test[];
  readonly source: SourceText;
  readonly span: Span;
}
