import type { SelectorKey } from '@portcullis/core';
import type { CompiledRules } from '../compile/compile-rules.js';
import type { CompiledRule } from '../compile/compiled-rule.js';
import type { Plan, Root } from '../compile/plan.js';
import { definitionsOf } from '../check/definitions.js';
import { Walker } from '../decide/walker.js';
import { quote } from '../findings/escape.js';
import type { FindingList } from '../findings/finding.js';
import type { FindingCode } from '../findings/finding-codes.js';
import type { Rule } from '../source/rule.js';
import { LogicalConjunct, type Witness } from './conjunct-logic.js';
import { KeyLogic } from './key-logic.js';
import { reviewRules } from './review-rules.js';
import { doesAllOf, isComparable, isInForceWith, isTwinOf } from './scope.js';

/** What a review may be told. */
export interface ReviewOptions {
  /** Rules that expire within so many milliseconds are warned of. */
  readonly expiresWithinMs: number;
}

/** Pairs of conjunctions compared in one review. */
const MAX_PAIRS = 1_000_000;
/** Rules compared with one conjunction: among so many that hold of the same peer, it is most likely one of the first. */
const MAX_CANDIDATES = 200;

/**
 * What can be proved of rules against each other, for `check`: beyond what loading needs. Nothing is claimed that does not
 * hold for all evidence, unknown included; what is too large to be decided is left out, and said.
 */
export function reviewPolicy(compiled: CompiledRules, findings: FindingList, nowMs: number | undefined, options: ReviewOptions): void {
  reviewRules(compiled, findings, nowMs, options);
  new RuleReview(compiled, findings).run();
}

class RuleReview {
  readonly #compiled: CompiledRules;
  readonly #findings: FindingList;
  readonly #logic: KeyLogic;
  readonly #walker = new Walker();
  readonly #conjuncts = new Map<CompiledRule, readonly LogicalConjunct[]>();
  #pairs = 0;

  constructor(compiled: CompiledRules, findings: FindingList) {
    this.#compiled = compiled;
    this.#findings = findings;
    this.#logic = new KeyLogic(definitionsOf(compiled.rules.map(({ rule }) => rule)));
    const conjuncts = new Map<CompiledRule, LogicalConjunct[]>();
    for (const conjunct of compiled.conjuncts) {
      const own = conjuncts.get(conjunct.rule);
      if (own === undefined) conjuncts.set(conjunct.rule, [new LogicalConjunct(conjunct)]);
      else own.push(new LogicalConjunct(conjunct));
    }
    this.#conjuncts = conjuncts;
  }

  run(): void {
    for (const one of this.#compiled.rules) this.#review(one);
    const [first] = this.#compiled.rules;
    if (first === undefined || (!this.#logic.undecided && this.#pairs <= MAX_PAIRS)) return;
    this.#warn('POLICY_REVIEW_INCOMPLETE', first.rule, 'not all rules could be compared with each other: there are too many that hold of the same peers, or their patterns are too entangled');
  }

  #review(one: CompiledRule): void {
    const { rule } = one;
    const conjuncts = this.#conjuncts.get(one) ?? [];
    const impossible = conjuncts.map((conjunct) => conjunct.impossibleKeys(this.#logic));
    if (impossible.length > 0 && impossible.every((keys) => keys.length > 0)) {
      this.#never(rule, impossible.flat());
      return;
    }
    if (rule.shadow || !isComparable(rule)) return;
    // A part that never holds admits nobody. Of a deny it may still be unknown, and refuse.
    const parts = rule.effect === 'deny' ? conjuncts : conjuncts.filter((_, index) => impossible[index]?.length === 0);
    const peers = parts.map((part) => part.witness(this.#logic));
    if (peers.some((peer) => peer === undefined)) return;
    if (rule.effect === 'allow' && this.#isDenied(rule, parts, peers)) return;
    this.#covered(one, parts, peers);
  }

  #never(rule: Rule, keys: readonly SelectorKey[]): void {
    const named = [...new Set(keys)].slice(0, 3).map((key) => quote(key)).join(', ');
    const still = rule.effect === 'deny' && !rule.skipUnknown ? '; it refuses only those of whom that is unknown' : '';
    this.#warn('POLICY_NEVER_MATCHES', rule, `rule ${quote(rule.id)} can never match: nothing is all that it asks of ${named}${still}`);
  }

  /** Each part of the allow is one of a deny that is in force with it: where the allow is true, so is the deny. */
  #isDenied(rule: Rule, parts: readonly LogicalConjunct[], peers: readonly (Witness | undefined)[]): boolean {
    const by = new Set<Rule>();
    for (const [index, part] of parts.entries()) {
      const deny = this.#holding(this.#planOf(rule).deny, peers[index]).find((candidate) => isInForceWith(candidate.rule, rule) && this.#isWithin(part, candidate));
      if (deny === undefined) return false;
      by.add(deny.rule);
    }
    const names = [...by].slice(0, 3).map((deny) => `${quote(deny.id)} (${placeOf(deny)})`).join(', ');
    this.#warn('POLICY_ALLOW_ALWAYS_DENIED', rule, `rule ${quote(rule.id)} never allows anybody: whoever it matches is denied by ${names}`);
    return true;
  }

  #covered(one: CompiledRule, parts: readonly LogicalConjunct[], peers: readonly (Witness | undefined)[]): void {
    const { rule } = one;
    const plan = this.#planOf(rule);
    const [first] = peers;
    for (const candidate of this.#holding(rule.effect === 'deny' ? plan.deny : plan.allow, first)) {
      const other = candidate.rule;
      if (other === rule || !parts.every((part) => this.#isWithin(part, candidate))) continue;
      const twins = isTwinOf(other, rule) && (this.#conjuncts.get(candidate) ?? []).every((part) => this.#isWithin(part, one));
      if (twins) {
        // Of two, the later one is told.
        if (candidate.index > one.index) continue;
        this.#warn('POLICY_DUPLICATE_CONDITION', rule, `rule ${quote(rule.id)} has the condition of ${quote(other.id)} (${placeOf(other)})`);
        return;
      }
      if (!doesAllOf(other, rule)) continue;
      this.#warn('POLICY_RULE_COVERED', rule, `rule ${quote(rule.id)} changes nothing: wherever it matches, ${quote(other.id)} (${placeOf(other)}) does too`);
      return;
    }
  }

  /** The rules that hold of a peer: whatever covers its conjunction is among them. */
  #holding(roots: readonly Root[], peer: Witness | undefined): readonly CompiledRule[] {
    if (peer === undefined || this.#pairs > MAX_PAIRS) return [];
    this.#walker.begin(peer, 0, { followUnknown: false, unaskedIsUnknown: true });
    for (const { node, maxRank } of roots) this.#walker.walk(node, maxRank);
    const found = [...new Set(this.#walker.trueRules)].filter(({ rule }) => isComparable(rule));
    this.#walker.end();
    this.#pairs += found.length;
    if (found.length > MAX_CANDIDATES) this.#logic.undecided = true;
    return found.sort((a, b) => a.index - b.index).slice(0, MAX_CANDIDATES);
  }

  #isWithin(part: LogicalConjunct, rule: CompiledRule): boolean {
    return (this.#conjuncts.get(rule) ?? []).some((other) => part.isWithin(other, this.#logic));
  }

  /** What covers a rule is in force on each of its listeners, so one of them is enough to find it. */
  #planOf({ listeners }: Rule): Plan {
    const { everywhere, byListener } = this.#compiled.plans;
    for (const listener of listeners ?? []) return byListener.get(listener) ?? everywhere;
    return everywhere;
  }

  #warn(code: FindingCode, rule: Rule, message: string): void {
    this.#findings.report(code, rule.source, rule.span, message);
  }
}

function placeOf(rule: Rule): string {
  const { file, line } = rule.source.placeAt(rule.span.offset);
  return quote(`${file}:${String(line)}`);
}
