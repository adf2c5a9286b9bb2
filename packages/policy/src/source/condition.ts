import type { SelectorDefinition, SelectorKey, SelectorValue } from '@portcullis/core';
import type { Span } from '../findings/finding.js';
import type { SourceText } from '../findings/source-text.js';
import type { Glob } from '../compile/glob.js';

/** What is asked of the values of one key. */
export type Matcher =
  | { readonly op: 'exact'; readonly values: ReadonlySet<SelectorValue> }
  | { readonly op: 'exists'; readonly exists: boolean }
  | { readonly op: 'glob'; readonly glob: Glob }
  | { readonly op: 'prefix'; readonly prefix: string }
  | { readonly op: 'range'; readonly from: number; readonly to: number }
  | { readonly op: 'not'; readonly matcher: Matcher };

/** One key tested, where the policy says so. */
export interface Test {
  readonly kind: 'test';
  readonly key: SelectorKey;
  readonly definition: SelectorDefinition;
  readonly matcher: Matcher;
  /** As the policy spells it: `1000`, `glob /opt/*`, `range 1000-59999`, `not root`. */
  readonly expected: string;
  readonly source: SourceText;
  readonly span: Span;
  /** Always 1: see `Group.size`. */
  readonly size: number;
}

/** Conditions joined. A set that is used stands here by reference, so one condition may have several parents. */
export interface Group {
  readonly kind: 'all' | 'any' | 'none';
  readonly conditions: readonly Condition[];
  /** The number of tests with every set written out. */
  readonly size: number;
  /** The set that the group was written as, for explanations. */
  readonly set?: string;
}

export type Condition = Test | Group;

/** A group, with its size. */
export function group(kind: Group['kind'], conditions: readonly Condition[], set?: string): Group {
  let size = 0;
  for (const condition of conditions) size += condition.size;
  return Object.freeze(set === undefined ? { kind, conditions, size } : { kind, conditions, size, set });
}
