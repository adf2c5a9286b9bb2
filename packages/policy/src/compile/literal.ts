import { costRank, type Evidenced, type SelectorKey } from '@portcullis/core';
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
export function isIndexable({ matcher, negated }: Literal): boolean {
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
  readonly #bySpelling = new Map<string, Literal>();
  /** Sets are shared by reference: their tests are spelled once. */
  readonly #byTest = new Map<Test, readonly [Literal | undefined, Literal | undefined]>();
  #next = 0;

  constructor(keys: KeyTable) {
    this.#keys = keys;
  }

  of(test: Test, negated: boolean): Literal {
    const known = this.#byTest.get(test);
    const found = known?.[negated ? 1 : 0];
    if (found !== undefined) return found;
    const literal = this.#intern(test, negated);
    this.#byTest.set(test, negated ? [known?.[0], literal] : [literal, known?.[1]]);
    return literal;
  }

  #intern(test: Test, negated: boolean): Literal {
    const spelling = `${negated ? '!' : '='}${test.key} ${spell(test.matcher)}`;
    let literal = this.#bySpelling.get(spelling);
    if (literal === undefined) {
      const { key, matcher, definition } = test;
      literal = { id: this.#next++, key, keyIndex: this.#keys.indexOf(key), matcher, negated, weight: 0, uses: 0 };
      literal = { ...literal, weight: costRank(definition.cost) * 8 + shapeRank(literal) };
      this.#bySpelling.set(spelling, literal);
    }
    return literal;
  }
}

/** One value, then several, then a range or pattern, then what must be tried. */
function shapeRank(literal: Literal): number {
  if (!isIndexable(literal)) return 3;
  const { matcher } = literal;
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
