import { ABSENT, unknown, type Evidenced, type SelectorDefinition, type SelectorKey, type SelectorValue, type ValueType } from '@portcullis/core';
import { matchKnown, matchValue } from '../../compile/truth.js';
import type { Condition, Matcher } from '../../source/condition.js';
import { exampleTexts, MAX_STATES } from './text-examples.js';

/** Sets of values of one key with many that are told apart at most. */
export const MAX_SETS = 512;

/** What a peer may show of a key, as far as any condition can tell it apart: values, absent, and unknown, in this order. */
export interface KeyAtoms {
  readonly key: SelectorKey;
  readonly states: readonly Evidenced[];
  /** Whether nothing that conditions can tell apart is missing. */
  readonly complete: boolean;
}

/** A key, and all that conditions ask of it. */
export interface AskedKey {
  readonly definition: SelectorDefinition;
  /** `not` is taken off: who tells apart what a matcher matches tells apart what it does not. */
  readonly matchers: Set<Matcher>;
}

/** The keys of conditions, with all that is asked of each. */
export function askedKeys(conditions: Iterable<Condition>): ReadonlyMap<SelectorKey, AskedKey> {
  const asked = new Map<SelectorKey, AskedKey>();
  const seen = new Set<Condition>();
  const visit = (condition: Condition): void => {
    if (seen.has(condition)) return;
    seen.add(condition);
    if (condition.kind !== 'test') {
      for (const part of condition.conditions) visit(part);
      return;
    }
    const { key, definition, matcher } = condition;
    const known = asked.get(key) ?? { definition, matchers: new Set() };
    asked.set(key, known);
    for (const one of askedMatchers(matcher)) known.matchers.add(one);
  };
  for (const condition of conditions) visit(condition);
  return asked;
}

/** What tells apart all that a matcher does. */
export function askedMatchers(matcher: Matcher): readonly Matcher[] {
  // `not` is false on absent too, and needs a state of its own for that.
  if (matcher.op === 'not') return [EXISTS, matcher.matcher];
  return [matcher.op === 'exists' ? EXISTS : matcher];
}

const EXISTS: Matcher = { op: 'exists', exists: true };
const UNKNOWN = Object.freeze(unknown('not-mentioned'));

/**
 * The states of one key that conditions can tell apart: one example of each.
 * @param maxStates of all patterns together that are visited at most
 */
export function atomsOf({ definition, matchers }: AskedKey, maxStates = MAX_STATES): KeyAtoms {
  const asked = [...matchers];
  const { key, value: type, trust: tier } = definition;
  const { values, complete } = exampleValues(type, asked, maxStates);
  const kinds = new Map<string, readonly SelectorValue[]>();
  for (const value of values) {
    const kind = asked.map((matcher) => (matchValue(matcher, value) ? '1' : '0')).join('');
    if (!kinds.has(kind)) kinds.set(kind, [value]);
  }
  const sets = definition.many ? closeUnderUnion(kinds) : { kinds, complete: true };
  const states = new Map<string, Evidenced>();
  for (const [kind, some] of sets.kinds) states.set(kind, Object.freeze({ state: 'present', values: Object.freeze([...some]), tier }));
  const absent = Object.freeze({ ...ABSENT, tier });
  const ofAbsent = asked.map((matcher) => (matchKnown(matcher, absent) ? '1' : '0')).join('');
  // For what nobody asks for, one number is as plain an example as none; of all else, absence is the plainest.
  if (!states.has(ofAbsent) || type.type !== 'uint' || definition.many) states.set(ofAbsent, absent);
  return { key, states: [...states.values(), UNKNOWN], complete: complete && sets.complete };
}

/** Values of many-valued keys come together: what any of them matches, all of them match. */
function closeUnderUnion(single: ReadonlyMap<string, readonly SelectorValue[]>): { readonly kinds: ReadonlyMap<string, readonly SelectorValue[]>; readonly complete: boolean } {
  const kinds = new Map(single);
  for (const [kind, values] of kinds) {
    for (const [other, more] of single) {
      const both = Array.from(kind, (bit, index) => (bit === '1' || other[index] === '1' ? '1' : '0')).join('');
      if (kinds.has(both)) continue;
      if (kinds.size >= MAX_SETS) return { kinds, complete: false };
      // A `Map` is walked to its end, what is added on the way included.
      kinds.set(both, [...values, ...more]);
    }
  }
  return { kinds, complete: true };
}

function exampleValues(type: ValueType, matchers: readonly Matcher[], maxStates: number): { readonly values: readonly SelectorValue[]; readonly complete: boolean } {
  const exact = new Set(matchers.flatMap((matcher) => (matcher.op === 'exact' ? [...matcher.values] : [])));
  switch (type.type) {
    case 'boolean':
      return { values: [true, false], complete: true };
    case 'enum':
      return { values: type.values, complete: true };
    case 'uint':
      return { values: exampleNumbers(type.max, exact, matchers), complete: true };
    case 'digest':
      return { values: [...exact, otherDigest(type.length, type.prefix ?? '', exact)], complete: true };
    case 'name':
    case 'text':
    case 'path': {
      const { texts, complete } = exampleTexts(matchers, new Set([...exact].map(String)), type.type === 'path' ? '/' : '', maxStates);
      return { values: texts, complete };
    }
  }
}

/** The ends of every run of numbers that are all alike. */
function exampleNumbers(max: number, exact: ReadonlySet<SelectorValue>, matchers: readonly Matcher[]): readonly number[] {
  const ends = [...exact].flatMap((value) => (typeof value === 'number' ? [value, value + 1] : []));
  for (const matcher of matchers) if (matcher.op === 'range') ends.push(matcher.from, matcher.to + 1);
  return [...new Set([...ends, 0])].filter((value) => value <= max).sort((a, b) => a - b);
}

/** A digest that nobody names: one more than are named are tried. */
function otherDigest(length: number, prefix: string, exact: ReadonlySet<SelectorValue>): string {
  for (let number = 0; ; number++) {
    const digest = prefix + number.toString(16).padStart(length, '0');
    if (!exact.has(digest)) return digest;
  }
}
