import { FrozenSet, type SelectorKey, type SelectorValue } from '@portcullis/core';
import type { Condition } from '../source/condition.js';
import type { Rule } from '../source/rule.js';
import { addKey, MANY_GRANTS, type CompiledRule, type Conjunct, type KeyMask } from './compiled-rule.js';
import { KeyTable, keysOf, LiteralTable, singleValue, type Literal } from './literal.js';
import { Normaliser } from './normal-form.js';
import { makePlans, type Plans } from './plan.js';

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
  const keys = new KeyTable();
  const normaliser = new Normaliser(new LiteralTable(keys));
  const grantBits = new Map<string, number>();
  const compiled: CompiledRule[] = [];
  const conjuncts: Draft[] = [];
  for (const rule of rules) {
    const { id, expiresMs, window, skipUnknown } = rule;
    const limit = rule.limit?.limit;
    const one: CompiledRule = { index: compiled.length, id, rule, expiresMs, window, limit, skipUnknown, grantBits: bitsOf(rule, grantBits) };
    compiled.push(one);
    const { conjunctions, rest } = normaliser.normalise(rule.when);
    const restKeys = rest === undefined ? NO_KEYS : [...keysOf(rest)];
    for (const literals of conjunctions) conjuncts.push({ rule: one, literals, rest, restKeys, keys: NO_MASK });
  }
  const masks = new MaskTable();
  const order = fileOrder(conjuncts);
  for (const conjunct of conjuncts) {
    // Forms of sets are shared, so they are not sorted in place.
    if (conjunct.literals.length > 1) conjunct.literals = [...conjunct.literals].sort(order);
    const { limit } = conjunct.rule;
    conjunct.keys = masks.of(conjunct.literals, limit === undefined ? conjunct.restKeys : [...conjunct.restKeys, ...limit.key], keys);
  }
  return Object.freeze({ rules: compiled, conjuncts, plans: makePlans(conjuncts), keys: keys.keys });
}

/** A conjunct before its literals are counted and sorted. */
type Draft = { -readonly [field in keyof Conjunct]: Conjunct[field] };

const NO_MASK: KeyMask = Object.freeze([]);

/** Few combinations of keys occur, and many conjuncts share each. */
class MaskTable {
  readonly #byWord = new Map<number, KeyMask>();

  of(literals: readonly Literal[], restKeys: readonly SelectorKey[], keys: KeyTable): KeyMask {
    const mask: number[] = [];
    for (const { keyIndex } of literals) addKey(mask, keyIndex);
    for (const key of restKeys) addKey(mask, keys.indexOf(key));
    const [word = 0] = mask;
    if (mask.length > 1) return mask;
    const known = this.#byWord.get(word);
    if (known === undefined) this.#byWord.set(word, mask);
    return known ?? mask;
  }
}

/** Cheapest key first, then what can be looked up, then the rarest; the rest only makes the order total. */
function fileOrder(conjuncts: readonly Conjunct[]): (a: Literal, b: Literal) => number {
  let uses: LiteralUses | undefined;
  return (a, b) => {
    if (a.weight !== b.weight) return a.weight - b.weight;
    // Most literals of one conjunction differ in weight already: only ties are worth the counting.
    uses ??= new LiteralUses(conjuncts);
    return uses.of(a) - uses.of(b) || a.keyIndex - b.keyIndex || a.id - b.id;
  };
}

/** How many conjunctions hold a literal. */
class LiteralUses {
  readonly #byId = new Map<number, number>();
  readonly #byValue = new Map<number, Map<SelectorValue, number>>();

  constructor(conjuncts: readonly Conjunct[]) {
    for (const { literals } of conjuncts) {
      for (const literal of literals) {
        const value = singleValue(literal);
        if (value === undefined) count(this.#byId, literal.id);
        else count(this.#valuesOf(literal.keyIndex), value);
      }
    }
  }

  of(literal: Literal): number {
    const value = singleValue(literal);
    return (value === undefined ? this.#byId.get(literal.id) : this.#valuesOf(literal.keyIndex).get(value)) ?? 0;
  }

  #valuesOf(keyIndex: number): Map<SelectorValue, number> {
    let values = this.#byValue.get(keyIndex);
    if (values === undefined) {
      values = new Map<SelectorValue, number>();
      this.#byValue.set(keyIndex, values);
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
