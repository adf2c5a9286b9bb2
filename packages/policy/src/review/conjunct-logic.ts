import type { Evidenced, SelectorKey } from '@portcullis/core';
import type { Conjunct } from '../compile/compiled-rule.js';
import type { Literal } from '../compile/literal.js';
import type { KeyLogic } from './key-logic.js';

/** A peer of which a conjunction is true: no other key is known. */
export type Witness = ReadonlyMap<SelectorKey, Evidenced>;

/** A conjunction, its literals by key. */
export class LogicalConjunct {
  readonly conjunct: Conjunct;
  readonly byKey: ReadonlyMap<SelectorKey, readonly Literal[]>;

  constructor(conjunct: Conjunct) {
    this.conjunct = conjunct;
    const byKey = new Map<SelectorKey, Literal[]>();
    for (const literal of conjunct.literals) {
      const literals = byKey.get(literal.key);
      if (literals === undefined) byKey.set(literal.key, [literal]);
      else literals.push(literal);
    }
    this.byKey = byKey;
  }

  /** The keys of which no evidence can make it true; none where it may be. What does not fit the index is not looked at. */
  impossibleKeys(logic: KeyLogic): readonly SelectorKey[] {
    return [...this.byKey].filter(([, literals]) => logic.example(literals) === 'never').map(([key]) => key);
  }

  /** Undefined where none can be found. Keys are independent, so one state for each is a peer. */
  witness(logic: KeyLogic): Witness | undefined {
    if (this.conjunct.rest !== undefined) return undefined;
    const peer = new Map<SelectorKey, Evidenced>();
    for (const [key, literals] of this.byKey) {
      const state = logic.example(literals);
      if (state === undefined || state === 'never') return undefined;
      // The strongest tier: a rule of any `requires` reads it.
      peer.set(key, { ...state, tier: 'kernel-connect' });
    }
    return peer;
  }

  /**
   * Whether `other` is at least as true as this, in the order false, unknown, true, whatever the evidence is: each of its
   * literals follows from what this says of the same key, and where that key is unknown, both are.
   */
  isWithin(other: LogicalConjunct, logic: KeyLogic): boolean {
    if (other.conjunct.rest !== undefined || this.conjunct.rest !== undefined) return false;
    for (const [key, claims] of other.byKey) {
      const given = this.byKey.get(key);
      if (given === undefined) return false;
      for (const claim of claims) if (!logic.implies(given, claim)) return false;
    }
    return true;
  }
}
