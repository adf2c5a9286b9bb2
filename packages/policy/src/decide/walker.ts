import { trustRank, type Evidence } from '@portcullis/core';
import type { CompiledRule, Conjunct } from '../compile/compiled-rule.js';
import type { IndexNode } from '../compile/index-node.js';
import { Slot, type Found, type KeyFan } from '../compile/key-fan.js';
import { literalHolds } from '../compile/literal.js';
import { evaluate, FALSE, isKnown, TRUE } from '../compile/truth.js';
import { isActive } from '../source/rule.js';

/** A flood of rules that cannot be excluded is cut here: one of them is enough to deny. */
export const MAX_UNKNOWN_RULES = 64;

/** How a walk reads what it does not know. */
export interface WalkMode {
  /** Whether a rule that rests on unknown evidence is of interest. For an allow it is not. */
  readonly followUnknown: boolean;
  /** Whether an unasked key reads as unknown; else what needs it is left open. */
  readonly unaskedIsUnknown: boolean;
}

/**
 * Walks an index along evidence and gathers rules that are true, rules that cannot be excluded, and what is still open.
 * Its arrays are reused, since a walk happens for every connection: read them before the next walk begins.
 */
export class Walker {
  readonly trueRules: CompiledRule[] = [];
  readonly unknownRules: CompiledRule[] = [];
  readonly openFans: KeyFan[] = [];
  readonly openConjuncts: Conjunct[] = [];
  #found: Found[] = [];
  #evidence: Evidence = new Map();
  #nowMs = 0;
  #maxRank = 0;
  #followUnknown = false;
  #unaskedIsUnknown = false;

  begin(evidence: Evidence, nowMs: number, mode: WalkMode): void {
    this.#evidence = evidence;
    this.#nowMs = nowMs;
    this.#followUnknown = mode.followUnknown;
    this.#unaskedIsUnknown = mode.unaskedIsUnknown;
    empty(this.trueRules, 0);
    empty(this.unknownRules, 0);
    empty(this.openFans, 0);
    empty(this.openConjuncts, 0);
  }

  /** Evidence of a tier ranked beyond `maxRank` counts as unknown. */
  walk(root: IndexNode, maxRank: number): void {
    this.#maxRank = maxRank;
    empty(this.#found, 0);
    this.#visit(root, true);
  }

  /** Drops what belongs to the last peer: nothing is kept between connections. */
  end(): void {
    this.#evidence = NOTHING;
  }

  #visit(node: IndexNode, certain: boolean): void {
    if (node.leaf) {
      for (const conjunct of node.conjuncts) this.#try(conjunct, node.depth, certain);
      return;
    }
    for (const conjunct of node.done) {
      if (!certain && this.unknownRules.length >= MAX_UNKNOWN_RULES) break;
      this.#try(conjunct, node.depth, certain);
    }
    for (const fan of node.fans) this.#fan(fan, certain);
  }

  #fan(fan: KeyFan, certain: boolean): void {
    const evidenced = this.#evidence.get(fan.key);
    if (evidenced === undefined && !this.#unaskedIsUnknown) {
      this.openFans.push(fan);
    } else if (evidenced === undefined || evidenced.state === 'unknown' || trustRank(evidenced.tier) > this.#maxRank) {
      if (this.#followUnknown && this.unknownRules.length < MAX_UNKNOWN_RULES) this.#visit(fan.unknown, false);
    } else if (evidenced.state === 'absent') {
      for (const slot of fan.absent) this.#visit(slot.node, certain);
    } else {
      // The array is a stack: what a fan found is above what its parents still have to visit.
      const found = this.#found;
      const first = found.length;
      fan.find(evidenced.values, found);
      const last = found.length;
      for (let at = first; at < last; at++) {
        const one = found[at];
        if (one instanceof Slot) this.#visit(one.node, certain);
        else if (one !== undefined) this.#try(one, fan.depth + 1, certain);
      }
      empty(found, first);
    }
  }

  #try(conjunct: Conjunct, depth: number, certain: boolean): void {
    if (!isActive(conjunct.rule, this.#nowMs)) return;
    const { literals, rest } = conjunct;
    let unknown = !certain;
    let open = false;
    for (let at = depth; at < literals.length; at++) {
      const literal = literals[at];
      if (literal === undefined) continue;
      const evidenced = this.#evidence.get(literal.key);
      if (evidenced === undefined && !this.#unaskedIsUnknown) open = true;
      else if (evidenced === undefined || evidenced.state === 'unknown' || trustRank(evidenced.tier) > this.#maxRank) {
        if (!this.#followUnknown) return;
        unknown = true;
      } else if (!literalHolds(literal, evidenced)) return;
    }
    if (rest !== undefined) {
      const truth = evaluate(rest, this.#evidence, this.#maxRank);
      if (truth === FALSE) return;
      if (truth !== TRUE) {
        if (!this.#unaskedIsUnknown && conjunct.restKeys.some((key) => !this.#evidence.has(key))) open = true;
        else if (!this.#followUnknown) return;
        else unknown = true;
      }
    }
    const { limit } = conjunct.rule;
    if (limit !== undefined) {
      for (const key of limit.key) {
        const evidenced = this.#evidence.get(key);
        if (evidenced === undefined && !this.#unaskedIsUnknown) open = true;
        // Nobody could tell whom to count: a limit stands on an allow rule, which then does not match.
        else if (!isKnown(evidenced, this.#maxRank)) return;
      }
    }
    if (open) this.openConjuncts.push(conjunct);
    else if (!unknown) this.trueRules.push(conjunct.rule);
    else if (!conjunct.rule.skipUnknown && this.unknownRules.length < MAX_UNKNOWN_RULES) this.unknownRules.push(conjunct.rule);
  }
}

const NOTHING: Evidence = new Map();

/** Setting `length` is a call into the runtime; these arrays hold an element or none. */
function empty(array: unknown[], size: number): void {
  while (array.length > size) array.pop();
}
