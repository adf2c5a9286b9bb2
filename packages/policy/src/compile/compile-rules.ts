import type { SelectorKey, SelectorValue } from '@portcullis/core';
import { FrozenSet } from '../decide/frozen-set.js';
import type { Condition } from '../source/condition.js';
import type { Rule } from '../source/rule.js';
import { addKey, MANY_GRANTS, type CompiledRule, type Conjunct } from './compiled-rule.js';
import { KeyTable, keysOf, LiteralTable, type Literal } from './literal.js';
import { Normaliser } from './normal-form.js';
import { makePlans, type Plans } from './plan.js';

/** Rules in the form in which they are decided. */
export interface CompiledRules {
  readonly rules: readonly CompiledRule[];
  readonly conjuncts: readonly Conjunct[];
  readonly plans: Plans;
  /** In the order of the masks. */
  readonly keys: readonly SelectorKey[];
  readonly literals: ReadonlyMap<SelectorKey, ReadonlySet<SelectorValue>>;
}

const MAX_NAMED_GRANTS = 30;
const NO_KEYS: readonly SelectorKey[] = Object.freeze([]);

/** Compiles checked rules: normal forms, literals shared, conjunctions filed. Pure, and linear in the rules. */
export function compileRules(rules: readonly Rule[]): CompiledRules {
  const keys = new KeyTable();
  const normaliser = new Normaliser(new LiteralTable(keys));
  const grantBits = new Map<string, number>();
  const compiled: CompiledRule[] = [];
  const drafts: { readonly rule: CompiledRule; readonly literals: readonly Literal[]; readonly rest: Condition | undefined }[] = [];
  for (const rule of rules) {
    const one: CompiledRule = {
      index: compiled.length,
      id: rule.id,
      rule,
      expiresMs: rule.expiresMs,
      skipUnknown: rule.skipUnknown,
      grantBits: bitsOf(rule, grantBits),
    };
    compiled.push(one);
    const { conjunctions, rest } = normaliser.normalise(rule.when);
    for (const literals of conjunctions) {
      for (const literal of literals) literal.uses++;
      drafts.push({ rule: one, literals, rest });
    }
  }
  const conjuncts = drafts.map(({ rule, literals, rest }): Conjunct => {
    const sorted = literals.length < 2 ? literals : [...literals].sort(fileOrder);
    const restKeys = rest === undefined ? NO_KEYS : [...keysOf(rest)];
    const mask: number[] = [];
    for (const { keyIndex } of sorted) addKey(mask, keyIndex);
    for (const key of restKeys) addKey(mask, keys.indexOf(key));
    return { rule, literals: sorted, rest, restKeys, keys: mask };
  });
  return Object.freeze({ rules: compiled, conjuncts, plans: makePlans(conjuncts), keys: keys.keys, literals: literalValues(rules) });
}

/** Cheapest key first, then what can be looked up, then the rarest; the rest only makes the order total. */
function fileOrder(a: Literal, b: Literal): number {
  return a.weight - b.weight || a.uses - b.uses || a.keyIndex - b.keyIndex || a.id - b.id;
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

/** Every value that stands in the policy in so many words, also below `not`. */
function literalValues(rules: readonly Rule[]): ReadonlyMap<SelectorKey, ReadonlySet<SelectorValue>> {
  const values = new Map<SelectorKey, Set<SelectorValue>>();
  const seen = new Set<Condition>();
  const visit = (condition: Condition): void => {
    if (condition.kind !== 'test') {
      if (seen.has(condition)) return;
      seen.add(condition);
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
  for (const rule of rules) visit(rule.when);
  return new Map([...values].map(([key, named]) => [key, new FrozenSet(named)]));
}
