import { costRank, type Evidenced, type SelectorKey, type SelectorValue } from '@portcullis/core';
import type { Condition, Matcher, Test } from '../source/condition.js';
import { OneValue } from '../source/one-value.js';
import { matchKnown } from './truth.js';

/** A test as the policy has it, or its negation. Most literals are the tests themselves: a policy holds many. */
export type Literal = Pick<Test, 'key' | 'definition' | 'matcher'> & {
  readonly negated?: true;
};

export function isNegated({ negated }: Literal): boolean {
  return negated === true;
}

export function literalHolds({ matcher, negated }: Literal, known: Exclude<Evidenced, { state: 'unknown' }>): boolean {
  return matchKnown(matcher, known) !== (negated === true);
}

/** The value of a test of one value, which is what nearly all are. */
export function singleValue({ matcher, negated }: Literal): SelectorValue | undefined {
  if (negated === true || matcher.op !== 'exact' || matcher.values.size !== 1) return undefined;
  const { values } = matcher;
  if (values instanceof OneValue) return values.value;
  for (const value of values) return value;
  return undefined;
}

/** Whether the index can look the literal up by value, instead of trying it. */
export function isIndexable({ matcher, negated }: Literal): boolean {
  return negated !== true && (matcher.op === 'exact' || matcher.op === 'glob' || matcher.op === 'prefix' || matcher.op === 'range');
}

/** Where it goes in a conjunction: cheap keys first, then what can be looked up. */
export function weightOf(literal: Literal): number {
  return costRank(literal.definition.cost) * 8 + shapeRank(literal);
}

/** One value, then several, then a range or pattern, then what must be tried. */
function shapeRank(literal: Literal): number {
  if (!isIndexable(literal)) return 3;
  if (literal.matcher.op !== 'exact') return 2;
  return literal.matcher.values.size === 1 ? 0 : 1;
}

/** The keys of a policy, numbered. */
export class KeyTable {
  readonly keys: SelectorKey[] = [];
  readonly #numbers = new Map<SelectorKey, number>();

  indexOf(key: SelectorKey): number {
    let index = this.#numbers.get(key);
    if (index === undefined) {
      index = this.keys.push(key) - 1;
      this.#numbers.set(key, index);
    }
    return index;
  }
}

/**
 * Makes literals, and gives the same one for what means the same. Tests of one value are the exception: nearly all are,
 * so they are told apart by their value where they are filed, and not here.
 */
export class LiteralTable {
  readonly #bySpelling = new Map<string, Literal>();
  /** Lists in sets are shared by reference: they are spelled once. */
  readonly #spellings = new Map<Matcher, string>();

  of(test: Test, negated: boolean): Literal {
    const { key, definition, matcher } = test;
    if (!negated && matcher.op === 'exact' && matcher.values.size === 1) return test;
    const spelling = `${negated ? '!' : '='}${key} ${this.#spell(matcher)}`;
    let literal = this.#bySpelling.get(spelling);
    if (literal === undefined) this.#bySpelling.set(spelling, (literal = negated ? { key, definition, matcher, negated } : test));
    return literal;
  }

  #spell(matcher: Matcher): string {
    if (matcher.op !== 'exact') return spell(matcher);
    let spelled = this.#spellings.get(matcher);
    if (spelled === undefined) this.#spellings.set(matcher, (spelled = spell(matcher)));
    return spelled;
  }
}

function spell(matcher: Matcher): string {
  switch (matcher.op) {
    case 'exact': {
      if (matcher.values.size === 1) for (const value of matcher.values) return `=${typeof value}:${String(value)}`;
      return `in ${JSON.stringify([...matcher.values].sort())}`;
    }
    case 'exists':
      return `exists ${String(matcher.exists)}`;
    case 'glob':
      return `glob ${matcher.glob.pattern}`;
    case 'prefix':
      return `prefix ${matcher.prefix}`;
    case 'range':
      return `range ${String(matcher.from)} ${String(matcher.to)}`;
    case 'not':
      return `not ${spell(matcher.matcher)}`;
  }
}

/** All keys of a condition. */
export function keysOf(condition: Condition, into = new Set<SelectorKey>()): Set<SelectorKey> {
  if (condition.kind === 'test') into.add(condition.key);
  else for (const part of condition.conditions) keysOf(part, into);
  return into;
}
