import { costRank, type Evidenced, type SelectorKey, type SelectorValue } from '@portcullis/core';
import type { Condition, Matcher, Test } from '../source/condition.js';
import { matchKnown } from './truth.js';

/** A test or its negation. */
export interface Literal {
  readonly id: number;
  readonly key: SelectorKey;
  /** The key's position in the policy's `KeyTable`. */
  readonly keyIndex: number;
  readonly matcher: Matcher;
  readonly negated: boolean;
  /** Where it goes in a conjunction: cheap keys first, then what can be looked up. */
  readonly weight: number;
}

export function literalHolds(literal: Literal, known: Exclude<Evidenced, { state: 'unknown' }>): boolean {
  return matchKnown(literal.matcher, known) !== literal.negated;
}

/** The value of a test of one value, which is what nearly all are. */
export function singleValue({ matcher, negated }: Literal): SelectorValue | undefined {
  if (negated || matcher.op !== 'exact' || matcher.values.size !== 1) return undefined;
  for (const value of matcher.values) return value;
  return undefined;
}

/** Whether the index can look the literal up by value, instead of trying it. */
export function isIndexable({ matcher, negated }: Pick<Literal, 'matcher' | 'negated'>): boolean {
  return !negated && (matcher.op === 'exact' || matcher.op === 'glob' || matcher.op === 'prefix' || matcher.op === 'range');
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
  readonly #keys: KeyTable;
  readonly #bySpelling = new Map<string, Literal>();
  /** Lists in sets are shared by reference: they are spelled once. */
  readonly #spellings = new Map<Matcher, string>();
  #next = 0;

  constructor(keys: KeyTable) {
    this.#keys = keys;
  }

  of(test: Test, negated: boolean): Literal {
    if (!negated && test.matcher.op === 'exact' && test.matcher.values.size === 1) return this.#make(test, false);
    const spelling = `${negated ? '!' : '='}${test.key} ${this.#spell(test.matcher)}`;
    let literal = this.#bySpelling.get(spelling);
    if (literal === undefined) this.#bySpelling.set(spelling, (literal = this.#make(test, negated)));
    return literal;
  }

  #make({ key, matcher, definition }: Test, negated: boolean): Literal {
    const weight = costRank(definition.cost) * 8 + shapeRank(matcher, negated);
    return { id: this.#next++, key, keyIndex: this.#keys.indexOf(key), matcher, negated, weight };
  }

  #spell(matcher: Matcher): string {
    if (matcher.op !== 'exact') return spell(matcher);
    let spelled = this.#spellings.get(matcher);
    if (spelled === undefined) this.#spellings.set(matcher, (spelled = spell(matcher)));
    return spelled;
  }
}

/** One value, then several, then a range or pattern, then what must be tried. */
function shapeRank(matcher: Matcher, negated: boolean): number {
  if (!isIndexable({ matcher, negated })) return 3;
  if (matcher.op !== 'exact') return 2;
  return matcher.values.size === 1 ? 0 : 1;
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
