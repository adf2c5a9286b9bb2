import type { SelectorKey, SelectorValue } from '@portcullis/core';
import type { Condition, Group, Test } from '../source/condition.js';
import type { Literal, LiteralTable } from './literal.js';

/** More conjunctions than this, and a condition is evaluated as it stands. */
export const MAX_CONJUNCTIONS = 64;
/** Longer conjunctions are not made either. */
const MAX_LITERALS = 64;

/** Literals that must all hold. */
export type Conjunction = readonly Literal[];

/** Nothing to multiply by. */
const ONE: readonly Conjunction[] = Object.freeze([]);

/** A condition as literals: any conjunction true makes it true. `rest`, where there is one, must hold beside the only conjunction. */
export interface NormalForm {
  readonly conjunctions: readonly Conjunction[];
  readonly rest: Condition | undefined;
}

/**
 * Brings conditions into disjunctive normal form. Kleene's logic keeps De Morgan's laws and distribution, so the form
 * has the truth of the condition in all three values. Bounded: what grows too large is left as it stands, in `rest`.
 */
export class Normaliser {
  readonly #literals: LiteralTable;
  /** A set has one form, however often it is used. */
  readonly #forms = new Map<Group, [readonly Conjunction[] | undefined | null, readonly Conjunction[] | undefined | null]>();
  readonly #merged = new Map<Group, readonly Condition[]>();
  /** A stack: a list for each rule would leave much behind it. */
  readonly #gathered: Literal[] = [];

  constructor(literals: LiteralTable) {
    this.#literals = literals;
  }

  normalise(condition: Condition): NormalForm {
    const conjunctions = this.#form(condition, false);
    if (conjunctions !== undefined) return { conjunctions, rest: undefined };
    if (condition.kind !== 'all') return { conjunctions: [[]], rest: condition };
    // What is plain among the parts of an `all` can still be filed.
    const plain: Literal[] = [];
    const rest: Condition[] = [];
    for (const part of condition.conditions) {
      const form = this.#form(part, false);
      const [only] = form ?? [];
      if (form?.length === 1 && only !== undefined && plain.length + only.length <= MAX_LITERALS) plain.push(...only);
      else rest.push(part);
    }
    return { conjunctions: [[...new Set(plain)]], rest: { ...condition, conditions: rest } };
  }

  #form(condition: Condition, negated: boolean): readonly Conjunction[] | undefined {
    if (condition.kind === 'test') return [[this.#literals.of(condition, negated)]];
    // Only sets have several parents; all else is seen once.
    if (condition.set === undefined) return this.#group(condition, negated);
    const side = negated ? 1 : 0;
    let forms = this.#forms.get(condition);
    if (forms === undefined) this.#forms.set(condition, (forms = [null, null]));
    const known = forms[side];
    if (known !== null) return known;
    return (forms[side] = this.#group(condition, negated));
  }

  #group(condition: Group, negated: boolean): readonly Conjunction[] | undefined {
    const { kind } = condition;
    // none(x…) is all(not x…); not all(x…) is any(not x…).
    const inner = kind === 'none' ? !negated : negated;
    const joins = (kind === 'all') !== negated && kind !== 'none' ? 'and' : kind === 'none' && !negated ? 'and' : 'or';
    const parts = kind !== 'all' && !inner ? this.#mergeExact(condition) : condition.conditions;
    return joins === 'and' ? this.#and(parts, inner) : this.#or(parts, inner);
  }

  #or(parts: readonly Condition[], negated: boolean): readonly Conjunction[] | undefined {
    const result: Conjunction[] = [];
    for (const part of parts) {
      const form = this.#form(part, negated);
      if (form === undefined || result.length + form.length > MAX_CONJUNCTIONS) return undefined;
      result.push(...form);
    }
    return result;
  }

  #and(parts: readonly Condition[], negated: boolean): readonly Conjunction[] | undefined {
    const gathered = this.#gathered;
    const first = gathered.length;
    const several = this.#gather(parts, negated);
    const single = gathered.slice(first);
    while (gathered.length > first) gathered.pop();
    if (several === undefined || single.length > MAX_LITERALS) return undefined;
    return several === ONE ? [single] : product([single], several);
  }

  /** Most parts are one literal or one conjunction: these are gathered, and the others multiply. */
  #gather(parts: readonly Condition[], negated: boolean): readonly Conjunction[] | undefined {
    const first = this.#gathered.length;
    let several = ONE;
    for (const part of parts) {
      if (part.kind === 'test') {
        this.#add(this.#literals.of(part, negated), first);
        continue;
      }
      const form = this.#form(part, negated);
      if (form === undefined) return undefined;
      const [only] = form;
      if (form.length === 1 && only !== undefined) for (const literal of only) this.#add(literal, first);
      else {
        const both = several === ONE ? form : product(several, form);
        if (both === undefined) return undefined;
        several = both;
      }
    }
    return several;
  }

  #add(literal: Literal, first: number): void {
    if (!this.#gathered.includes(literal, first)) this.#gathered.push(literal);
  }

  /** Exact values of one key side by side below an `any` are one `in`: it is the commonest way that forms grow. */
  #mergeExact(condition: Group): readonly Condition[] {
    const known = this.#merged.get(condition);
    if (known !== undefined) return known;
    const byKey = new Map<SelectorKey, Test[]>();
    const parts: Condition[] = [];
    for (const part of condition.conditions) {
      if (part.kind !== 'test' || part.matcher.op !== 'exact') parts.push(part);
      else {
        const tests = byKey.get(part.key);
        if (tests === undefined) byKey.set(part.key, [part]);
        else tests.push(part);
      }
    }
    for (const tests of byKey.values()) {
      const [first] = tests;
      if (first === undefined) continue;
      parts.push(tests.length === 1 ? first : { ...first, matcher: { op: 'exact', values: union(tests) } });
    }
    this.#merged.set(condition, parts);
    return parts;
  }
}

function union(tests: readonly Test[]): ReadonlySet<SelectorValue> {
  const values = new Set<SelectorValue>();
  for (const { matcher } of tests) if (matcher.op === 'exact') for (const value of matcher.values) values.add(value);
  return values;
}

function product(left: readonly Conjunction[], right: readonly Conjunction[]): readonly Conjunction[] | undefined {
  if (left.length * right.length > MAX_CONJUNCTIONS) return undefined;
  const result: Conjunction[] = [];
  for (const a of left) {
    for (const b of right) {
      const both = a.length === 0 ? b : [...new Set([...a, ...b])];
      if (both.length > MAX_LITERALS) return undefined;
      result.push(both);
    }
  }
  return result;
}
