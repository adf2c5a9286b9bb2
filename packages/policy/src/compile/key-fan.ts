import { ABSENT, type SelectorKey, type SelectorValue } from '@portcullis/core';
import { addMask, type Conjunct, type KeyMask } from './compiled-rule.js';
import { IndexNode } from './index-node.js';
import { IntervalTree, type Interval } from './interval-tree.js';
import { isIndexable, literalHolds, singleValue, type Literal } from './literal.js';
import { PrefixTree } from './prefix-tree.js';

/** Below the root, larger lists of values are tried instead of filed: a list must not be copied into every branch. */
const MAX_FILED_VALUES = 64;

/** The conjunctions that share their next literal. */
export class Slot {
  readonly literal: Literal;
  readonly conjuncts: Conjunct[];
  readonly #depth: number;
  #node: IndexNode | undefined;

  constructor(literal: Literal, depth: number, first: Conjunct) {
    this.literal = literal;
    this.conjuncts = [first];
    this.#depth = depth;
  }

  /** What is left of them when the literal holds. */
  get node(): IndexNode {
    return (this.#node ??= new IndexNode(this.conjuncts, this.#depth + 1));
  }
}

/** The conjunctions of a node that are filed under one key, by what they ask of its values. */
export class KeyFan {
  readonly key: SelectorKey;
  /** All keys that the conjunctions hold, and all that those with a grant hold. */
  readonly keys: KeyMask;
  readonly grantKeys: KeyMask;
  readonly grantBits: number;
  readonly #conjuncts: readonly Conjunct[];
  readonly #depth: number;
  readonly #exact = new Map<SelectorValue, Slot | Slot[]>();
  readonly #patterns: PrefixTree<Slot> | undefined;
  readonly #ranges: IntervalTree<Slot> | undefined;
  /** Slots that only trying can tell. */
  readonly #tried: readonly Slot[];
  /** Slots that hold where the key is absent. */
  readonly absent: readonly Slot[];
  #unknown: IndexNode | undefined;

  constructor(conjuncts: readonly Conjunct[], depth: number) {
    this.#conjuncts = conjuncts;
    this.#depth = depth;
    const keys: number[] = [];
    const grantKeys: number[] = [];
    let grantBits = 0;
    const slots = new Map<number, Slot>();
    let key: SelectorKey | undefined;
    let lastKeys: KeyMask | undefined;
    let lastGrantKeys: KeyMask | undefined;
    for (const conjunct of conjuncts) {
      const literal = conjunct.literals[depth];
      if (literal === undefined) continue;
      key = literal.key;
      this.#gather(literal, conjunct, slots);
      if (conjunct.keys !== lastKeys) addMask(keys, (lastKeys = conjunct.keys));
      if (conjunct.rule.grantBits === 0) continue;
      if (conjunct.keys !== lastGrantKeys) addMask(grantKeys, (lastGrantKeys = conjunct.keys));
      grantBits |= conjunct.rule.grantBits;
    }
    if (key === undefined) throw new TypeError('a fan needs a conjunction');
    this.key = key;
    this.keys = keys;
    this.grantKeys = grantKeys;
    this.grantBits = grantBits;

    const tried: Slot[] = [];
    const absent: Slot[] = [];
    const ranges: Interval<Slot>[] = [];
    let patterns: PrefixTree<Slot> | undefined;
    for (const slot of slots.values()) {
      const { literal } = slot;
      const { matcher } = literal;
      if (!isIndexable(literal)) {
        tried.push(slot);
        if (literalHolds(literal, { ...ABSENT, tier: 'kernel-connect' })) absent.push(slot);
      } else if (matcher.op === 'exact') {
        if (depth > 0 && matcher.values.size > MAX_FILED_VALUES) tried.push(slot);
        else for (const value of matcher.values) this.#file(value, slot);
      } else if (matcher.op === 'range') ranges.push({ from: matcher.from, to: matcher.to, item: slot });
      else {
        patterns ??= new PrefixTree();
        patterns.add(matcher.op === 'glob' ? matcher.glob.literalPrefix : matcher.op === 'prefix' ? matcher.prefix : '', slot);
      }
    }
    this.#patterns = patterns;
    this.#ranges = ranges.length === 0 ? undefined : new IntervalTree(ranges);
    this.#tried = tried;
    this.absent = absent;
  }

  /** Pushes the slots whose literal holds of these values; a slot may come twice. */
  find(values: readonly SelectorValue[], into: Slot[]): void {
    for (const value of values) {
      const exact = this.#exact.get(value);
      if (exact !== undefined) {
        if (Array.isArray(exact)) for (const slot of exact) into.push(slot);
        else into.push(exact);
      }
      if (typeof value === 'number') this.#ranges?.find(value, into);
      else if (typeof value === 'string' && this.#patterns !== undefined) this.#findPatterns(value, this.#patterns, into);
    }
    if (this.#tried.length === 0) return;
    const present = { state: 'present', values, tier: 'kernel-connect' } as const;
    for (const slot of this.#tried) if (literalHolds(slot.literal, present)) into.push(slot);
  }

  /** What is left where the key is unknown: the same conjunctions, filed under their next keys. */
  get unknown(): IndexNode {
    return (this.#unknown ??= new IndexNode(
      this.#conjuncts.filter((conjunct) => !conjunct.rule.skipUnknown),
      this.#depth + 1,
    ));
  }

  #findPatterns(value: string, patterns: PrefixTree<Slot>, into: Slot[]): void {
    const first = into.length;
    patterns.find(value, into);
    let kept = first;
    for (let at = first; at < into.length; at++) {
      const slot = into[at];
      if (slot === undefined) continue;
      const { matcher } = slot.literal;
      if (matcher.op !== 'glob' || matcher.glob.matches(value)) into[kept++] = slot;
    }
    into.length = kept;
  }

  /** One slot for each literal; literals of one value are the same when their value is. */
  #gather(literal: Literal, conjunct: Conjunct, slots: Map<number, Slot>): void {
    const value = singleValue(literal);
    const slot = value === undefined ? slots.get(literal.id) : this.#exact.get(value);
    // Before any list is filed, so there are no arrays yet.
    if (slot instanceof Slot) slot.conjuncts.push(conjunct);
    else if (value === undefined) slots.set(literal.id, new Slot(literal, this.#depth, conjunct));
    else this.#exact.set(value, new Slot(literal, this.#depth, conjunct));
  }

  #file(value: SelectorValue, slot: Slot): void {
    const filed = this.#exact.get(value);
    if (filed === undefined) this.#exact.set(value, slot);
    else if (Array.isArray(filed)) filed.push(slot);
    else this.#exact.set(value, [filed, slot]);
  }
}
