import { costRank, type Evidenced, type SelectorKey, type SelectorValue } from '@portcullis/core';
import type { Condition, Matcher, Test } from '../source/condition.js';
import { matchKnown } from './truth.js';

/** A test or its negation, one object for all places of a policy that mean the same. */
export interface Literal {
  readonly id: number;
  readonly key: SelectorKey;
  /** The key's position in the policy's `KeyTable`. */
  readonly keyIndex: number;
  readonly matcher: Matcher;
  readonly negated: boolean;
  /** Where it goes in a conjunction: cheap keys first, then what can be looked up. */
  readonly weight: number;
  /** How many conjunctions hold it: the rarer, the better to file under. */
  uses: number;
}

export function literalHolds(literal: Literal, known: Exclude<Evidenced, { state: 'unknown' }>): boolean {
  return matchKnown(literal.matcher, known) !== literal.negated;
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

/** Makes literals, and gives the same one for what means the same. */
export class LiteralTable {
  readonly #keys: KeyTable;
  /** By key and value: nearly all tests are of one value, and spelling those out would be most of the work. */
  readonly #single = new Map<SelectorKey, Map<SelectorValue, Literal>>();
  readonly #bySpelling = new Map<string, Literal>();
  /** Lists in sets are shared by reference: they are spelled once. */
  readonly #byMatcher = new Map<Matcher, string>();
  readonly all: Literal[] = [];

  constructor(keys: KeyTable) {
    this.#keys = keys;
  }

  of(test: Test, negated: boolean): Literal {
    const { matcher } = test;
    if (!negated && matcher.op === 'exact' && matcher.values.size === 1) {
      for (const value of matcher.values) return this.#ofValue(test, value);
    }
    const spelling = `${negated ? '!' : '='}${test.key} ${this.#spell(matcher)}`;
    let literal = this.#bySpelling.get(spelling);
    if (literal === undefined) this.#bySpelling.set(spelling, (literal = this.#make(test, negated)));
    return literal;
  }

  #ofValue(test: Test, value: SelectorValue): Literal {
    let byValue = this.#single.get(test.key);
    if (byValue === undefined) {
      byValue = new Map<SelectorValue, Literal>();
      this.#single.set(test.key, byValue);
    }
    let literal = byValue.get(value);
    if (literal === undefined) byValue.set(value, (literal = this.#make(test, false)));
    return literal;
  }

  #make({ key, matcher, definition }: Test, negated: boolean): Literal {
    const weight = costRank(definition.cost) * 8 + shapeRank(matcher, negated);
    const literal = { id: this.all.length, key, keyIndex: this.#keys.indexOf(key), matcher, negated, weight, uses: 0 };
    this.all.push(literal);
    return literal;
  }

  #spell(matcher: Matcher): string {
    if (matcher.op !== 'exact') return spell(matcher);
    let spelled = this.#byMatcher.get(matcher);
    if (spelled === undefined) this.#byMatcher.set(matcher, (spelled = spell(matcher)));
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
