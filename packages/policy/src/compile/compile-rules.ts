import { FrozenSet, type Limit, type SelectorKey, type SelectorValue } from '@portcullis/core';
import type { Condition } from '../source/condition.js';
import type { Rule } from '../source/rule.js';
import { addKey, MANY_GRANTS, type CompiledRule, type Conjunct, type KeyMask } from './compiled-rule.js';
import { keysOf, KeyTable, LiteralTable, singleValue, weightOf, type Literal } from './literal.js';
import { Normaliser } from './normal-form.js';
import { makePlans, type Plans } from './plan.js';
import { finish, OF_A_STEP, type Steps } from './steps.js';

/** Rules in the form in which they are decided. */
export interface CompiledRules {
  readonly rules: readonly CompiledRule[];
  readonly conjuncts: readonly Conjunct[];
  readonly plans: Plans;
  /** In the order of the masks. */
  readonly keys: readonly SelectorKey[];
}

const MAX_NAMED_GRANTS = 30;
const NO_KEYS: readonly SelectorKey[] = Object.freeze([]);

/** Compiles checked rules: normal forms, literals shared, conjunctions filed. Pure, and linear in the rules. */
export function compileRules(rules: readonly Rule[]): CompiledRules {
  return finish(compileSteps(rules));
}

/** The same in steps. What is half made is nowhere to be seen: the last step gives all of it. */
export function* compileSteps(rules: readonly Rule[]): Steps<CompiledRules> {
  const normaliser = new Normaliser(new LiteralTable());
  const grantBits = new Map<string, number>();
  const compiled: CompiledRule[] = [];
  const masks = new MaskTable();
  const conjuncts: Draft[] = [];
  const unsorted: Draft[] = [];
  for (const rule of rules) {
    if (compiled.length % OF_A_STEP === OF_A_STEP - 1) yield;
    const { id, expiresMs, window, skipUnknown } = rule;
    const limit = rule.limit?.limit;
    const one: CompiledRule = { index: compiled.length, id, rule, expiresMs, window, limit, skipUnknown, grantBits: bitsOf(rule, grantBits) };
    compiled.push(one);
    const { conjunctions, rest } = normaliser.normalise(rule.when);
    const restKeys = rest === undefined ? NO_KEYS : [...keysOf(rest)];
    for (const literals of conjunctions) {
      const conjunct = { rule: one, literals, rest, restKeys, keys: masks.of(literals, restKeys, limit) };
      conjuncts.push(conjunct);
      if (!isRising(literals)) unsorted.push(conjunct);
    }
  }
  yield* sortLiterals(unsorted, conjuncts);
  return Object.freeze({ rules: compiled, conjuncts, plans: yield* makePlans(conjuncts), keys: masks.table.keys });
}

/** A conjunct before its literals are sorted. */
type Draft = { -readonly [field in keyof Conjunct]: Conjunct[field] };

/** Few combinations of keys occur, and many conjuncts share each. */
class MaskTable {
  readonly table = new KeyTable();
  readonly #byWord = new Map<number, KeyMask>();
  readonly #mask: number[] = [];

  of(literals: readonly Literal[], restKeys: readonly SelectorKey[], limit: Limit | undefined): KeyMask {
    const mask = this.#mask;
    mask.length = 0;
    for (const { key } of literals) addKey(mask, this.table.indexOf(key));
    if (restKeys.length > 0) for (const key of restKeys) addKey(mask, this.table.indexOf(key));
    if (limit !== undefined) for (const key of limit.key) addKey(mask, this.table.indexOf(key));
    if (mask.length > 1) return mask.slice();
    const word = mask[0] ?? 0;
    let known = this.#byWord.get(word);
    if (known === undefined) this.#byWord.set(word, (known = mask.slice()));
    return known;
  }
}

/** Cheapest key first, then what can be looked up, then the rarest, then as written. */
function* sortLiterals(unsorted: readonly Draft[], all: readonly Conjunct[]): Steps<void> {
  const uses = new LiteralUses();
  let sorted = 0;
  // Most differ in weight already: only ties are worth the counting.
  if (unsorted.some(({ literals }) => hasTie(literals))) {
    for (const { literals } of all) {
      if (++sorted % OF_A_STEP === 0) yield;
      for (const literal of literals) uses.add(literal);
    }
  }
  const order = (a: Literal, b: Literal): number => weightOf(a) - weightOf(b) || uses.of(a) - uses.of(b);
  for (const conjunct of unsorted) {
    if (++sorted % OF_A_STEP === 0) yield;
    // Forms of sets are shared, so they are not sorted in place.
    conjunct.literals = conjunct.literals.slice().sort(order);
  }
}

/** Whether they are sorted as they stand, whatever is counted. */
function isRising(literals: readonly Literal[]): boolean {
  let before = -1;
  for (const literal of literals) {
    const weight = weightOf(literal);
    if (weight <= before) return false;
    before = weight;
  }
  return true;
}

function hasTie(literals: readonly Literal[]): boolean {
  return new Set(literals.map(weightOf)).size < literals.length;
}

/** How many conjunctions hold a literal. */
class LiteralUses {
  readonly #byLiteral = new Map<Literal, number>();
  readonly #byValue = new Map<SelectorKey, Map<SelectorValue, number>>();

  add(literal: Literal): void {
    const value = singleValue(literal);
    if (value === undefined) count(this.#byLiteral, literal);
    else count(this.#valuesOf(literal.key), value);
  }

  of(literal: Literal): number {
    const value = singleValue(literal);
    return (value === undefined ? this.#byLiteral.get(literal) : this.#valuesOf(literal.key).get(value)) ?? 0;
  }

  #valuesOf(key: SelectorKey): Map<SelectorValue, number> {
    let values = this.#byValue.get(key);
    if (values === undefined) {
      values = new Map<SelectorValue, number>();
      this.#byValue.set(key, values);
    }
    return values;
  }
}

function count<T>(counts: Map<T, number>, item: T): void {
  counts.set(item, (counts.get(item) ?? 0) + 1);
}

function bitsOf(rule: Rule, bits: Map<string, number>): number {
  let mask = 0;
  for (const name of Object.keys(rule.grant)) {
    let bit = bits.get(name);
    if (bit === undefined) bits.set(name, (bit = bits.size < MAX_NAMED_GRANTS ? 1 << bits.size : MANY_GRANTS));
    mask |= bit;
  }
  return mask;
}

/** Every value that stands in the rules in so many words, also below `not`. */
export function literalValues(rules: readonly CompiledRule[]): ReadonlyMap<SelectorKey, ReadonlySet<SelectorValue>> {
  const values = new Map<SelectorKey, Set<SelectorValue>>();
  const seen = new Set<Condition>();
  const visit = (condition: Condition): void => {
    if (condition.kind !== 'test') {
      if (condition.set !== undefined && seen.has(condition)) return;
      if (condition.set !== undefined) seen.add(condition);
      for (const part of condition.conditions) visit(part);
      return;
    }
    const { matcher } = condition;
    const inner = matcher.op === 'not' ? matcher.matcher : matcher;
    if (inner.op !== 'exact') return;
    let named = values.get(condition.key);
    if (named === undefined) values.set(condition.key, (named = new Set()));
    for (const value of inner.values) named.add(value);
  };
  for (const { rule } of rules) visit(rule.when);
  return new Map([...values].map(([key, named]) => [key, new FrozenSet(named)]));
}
