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

  constructor(literal: Literal, depth: number, conjuncts: Conjunct[]) {
    this.literal = literal;
    this.conjuncts = conjuncts;
    this.#depth = depth;
  }

  /** What is left of them when the literal holds. */
  get node(): IndexNode {
    return (this.#node ??= new IndexNode(this.conjuncts, this.#depth + 1));
  }
}

/** What a look-up finds: most values are named by one conjunction only, which then needs no slot. */
export type Found = Slot | Conjunct;

/** The conjunctions of a node that are filed under one key, by what they ask of its values. Sealed before it is used. */
export class KeyFan {
  readonly key: SelectorKey;
  readonly depth: number;
  readonly #keys: number[] = [];
  readonly #grantKeys: number[] = [];
  #grantBits = 0;
  #lastKeys: KeyMask | undefined;
  #lastGrantKeys: KeyMask | undefined;
  readonly #among: readonly Conjunct[];
  readonly #exact = new Map<SelectorValue, Found | Found[]>();
  /** Of literals that name more than one value. */
  readonly #slots = new Map<Literal, Slot>();
  #patterns: PrefixTree<Found> | undefined;
  #ranges: IntervalTree<Found> | undefined;
  /** Slots that only trying can tell. */
  readonly #tried: Slot[] = [];
  readonly #absent: Slot[] = [];
  #unknown: IndexNode | undefined;

  /** @param among of the node: those of this key are added */
  constructor(key: SelectorKey, depth: number, among: readonly Conjunct[]) {
    this.key = key;
    this.depth = depth;
    this.#among = among;
  }

  /** All keys that the conjunctions hold. */
  get keys(): KeyMask {
    return this.#keys;
  }

  /** All that those with a grant hold. */
  get grantKeys(): KeyMask {
    return this.#grantKeys;
  }

  get grantBits(): number {
    return this.#grantBits;
  }

  /** Slots that hold where the key is absent. */
  get absent(): readonly Slot[] {
    return this.#absent;
  }

  /** @param literal of this key, that comes next in the conjunction */
  add(conjunct: Conjunct, literal: Literal): void {
    const value = singleValue(literal);
    if (value === undefined) this.#addSlot(conjunct, literal);
    else this.#addExact(conjunct, literal, value);
    // Neighbours often share their mask.
    if (conjunct.keys !== this.#lastKeys) addMask(this.#keys, (this.#lastKeys = conjunct.keys));
    if (conjunct.rule.grantBits === 0) return;
    if (conjunct.keys !== this.#lastGrantKeys) addMask(this.#grantKeys, (this.#lastGrantKeys = conjunct.keys));
    this.#grantBits |= conjunct.rule.grantBits;
  }

  /** Files what names more than one value, after the last was added. */
  seal(): void {
    const ranges: Interval<Found>[] = [];
    for (const slot of this.#slots.values()) {
      const { literal } = slot;
      const { matcher } = literal;
      if (!isIndexable(literal)) {
        this.#tried.push(slot);
        if (literalHolds(literal, { ...ABSENT, tier: 'kernel-connect' })) this.#absent.push(slot);
      } else if (matcher.op === 'exact') {
        if (this.depth > 0 && matcher.values.size > MAX_FILED_VALUES) this.#tried.push(slot);
        else for (const value of matcher.values) this.#file(value, slot);
      } else if (matcher.op === 'range') ranges.push({ from: matcher.from, to: matcher.to, item: slot });
      else {
        this.#patterns ??= new PrefixTree();
        this.#patterns.add(matcher.op === 'glob' ? matcher.glob.literalPrefix : matcher.op === 'prefix' ? matcher.prefix : '', slot);
      }
    }
    if (ranges.length > 0) this.#ranges = new IntervalTree(ranges);
    this.#slots.clear();
  }

  /** Pushes what is filed under literals that hold of these values; the same may come twice. */
  find(values: readonly SelectorValue[], into: Found[]): void {
    for (const value of values) {
      const exact = this.#exact.get(value);
      if (exact !== undefined) {
        if (Array.isArray(exact)) for (const one of exact) into.push(one);
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
      this.#among.filter(({ literals, rule }) => literals[this.depth]?.key === this.key && !rule.skipUnknown),
      this.depth + 1,
    ));
  }

  #findPatterns(value: string, patterns: PrefixTree<Found>, into: Found[]): void {
    const first = into.length;
    patterns.find(value, into);
    let kept = first;
    for (let at = first; at < into.length; at++) {
      const slot = into[at];
      if (!(slot instanceof Slot)) continue;
      const { matcher } = slot.literal;
      if (matcher.op !== 'glob' || matcher.glob.matches(value)) into[kept++] = slot;
    }
    into.length = kept;
  }

  /** Literals of one value are the same when their value is. Lists are filed later, so there are no arrays yet. */
  #addExact(conjunct: Conjunct, literal: Literal, value: SelectorValue): void {
    const filed = this.#exact.get(value);
    if (filed === undefined) this.#exact.set(value, conjunct);
    else if (filed instanceof Slot) filed.conjuncts.push(conjunct);
    else if (!Array.isArray(filed)) this.#exact.set(value, new Slot(literal, this.depth, [filed, conjunct]));
  }

  #addSlot(conjunct: Conjunct, literal: Literal): void {
    const slot = this.#slots.get(literal);
    if (slot === undefined) this.#slots.set(literal, new Slot(literal, this.depth, [conjunct]));
    else slot.conjuncts.push(conjunct);
  }

  #file(value: SelectorValue, slot: Slot): void {
    const filed = this.#exact.get(value);
    if (filed === undefined) this.#exact.set(value, slot);
    else if (Array.isArray(filed)) filed.push(slot);
    else this.#exact.set(value, [filed, slot]);
  }
}
