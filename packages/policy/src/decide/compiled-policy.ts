import type { Decision, Evidence, NearestMiss, Policy, PolicyContext, SelectorKey, SelectorValue, ShadowResult } from '@portcullis/core';
import { addMask, MANY_GRANTS, type KeyMask } from '../compile/compiled-rule.js';
import { literalValues, type CompiledRules } from '../compile/compile-rules.js';
import type { Plan, Root } from '../compile/plan.js';
import type { Rule } from '../source/rule.js';
import { FrozenSet } from './frozen-set.js';
import { KeySets, NO_KEYS } from './key-sets.js';
import { findNearest } from './nearest.js';
import { frozenDecision, Outcomes, sortUnique } from './outcomes.js';
import { Walker, type WalkMode } from './walker.js';

const DENY: WalkMode = { followUnknown: true, unaskedIsUnknown: false };
const DENY_UNASKED: WalkMode = { followUnknown: true, unaskedIsUnknown: true };
const ALLOW: WalkMode = { followUnknown: false, unaskedIsUnknown: false };
const ALLOW_UNASKED: WalkMode = { followUnknown: false, unaskedIsUnknown: true };

const NO_SHADOW: readonly ShadowResult[] = Object.freeze([]);
const BY_DEFAULT: Decision = frozenDecision('deny', 'default', []);

/** What a compiled policy is called, and where it comes from. */
export interface PolicyIdentity {
  readonly name: string;
  readonly revision: string;
}

/** A policy as it is decided. Immutable: what it remembers only saves doing the same again. */
export class CompiledPolicy implements Policy {
  readonly name: string;
  readonly revision: string;
  readonly keys: ReadonlySet<SelectorKey>;
  /** The checked rules, in the order of the files: for tools that explain. */
  readonly rules: readonly Rule[];
  readonly #compiled: CompiledRules;
  readonly #keySets: KeySets;
  readonly #outcomes = new Outcomes();
  readonly #walker = new Walker();
  #literals: ReadonlyMap<SelectorKey, ReadonlySet<SelectorValue>> | undefined;
  /** What is wanted when nothing is known, by plan. */
  readonly #firstWanted = new Map<Plan, ReadonlySet<SelectorKey>>();

  constructor(identity: PolicyIdentity, compiled: CompiledRules) {
    this.name = identity.name;
    this.revision = identity.revision;
    this.keys = new FrozenSet(compiled.keys);
    this.rules = Object.freeze(compiled.rules.map(({ rule }) => rule));
    this.#compiled = compiled;
    this.#keySets = new KeySets(compiled.keys);
    const nothing: Evidence = new Map();
    for (const plan of [compiled.plans.everywhere, ...compiled.plans.byListener.values()]) {
      this.#firstWanted.set(plan, this.#wanted(plan, nothing, -Infinity));
    }
    Object.freeze(this);
  }

  /** Gathered at the first call, when attestors prepare. */
  get literals(): ReadonlyMap<SelectorKey, ReadonlySet<SelectorValue>> {
    return (this.#literals ??= literalValues(this.#compiled.rules));
  }

  wanted(evidence: Evidence, context: PolicyContext): ReadonlySet<SelectorKey> {
    const plan = this.#planOf(context);
    if (evidence.size === 0) return this.#firstWanted.get(plan) ?? NO_KEYS;
    return this.#wanted(plan, evidence, context.nowMs);
  }

  wantedByShadow(evidence: Evidence, context: PolicyContext): ReadonlySet<SelectorKey> {
    const plan = this.#planOf(context);
    const mask: number[] = [];
    this.#walk(plan.shadowDeny, evidence, context.nowMs, DENY);
    this.#addOpen(mask);
    this.#walk(plan.shadowAllow, evidence, context.nowMs, ALLOW);
    this.#addOpen(mask);
    this.#walker.end();
    return this.#keySets.unasked(mask, evidence);
  }

  decide(evidence: Evidence, context: PolicyContext): Decision {
    const plan = this.#planOf(context);
    const decision = this.#decide(plan, evidence, context.nowMs);
    this.#walker.end();
    return decision;
  }

  shadow(evidence: Evidence, context: PolicyContext): readonly ShadowResult[] {
    const plan = this.#planOf(context);
    if (plan.shadowDeny.length === 0 && plan.shadowAllow.length === 0) return NO_SHADOW;
    const walker = this.#walker;
    const results: ShadowResult[] = [];
    this.#walk(plan.shadowDeny, evidence, context.nowMs, DENY_UNASKED);
    sortUnique(walker.trueRules);
    sortUnique(walker.unknownRules);
    const certain = new Set(walker.trueRules);
    for (const { id } of walker.trueRules) results.push(Object.freeze({ rule: id, effect: 'deny', matched: 'true' }));
    for (const rule of walker.unknownRules) {
      if (!certain.has(rule)) results.push(Object.freeze({ rule: rule.id, effect: 'deny', matched: 'unknown' }));
    }
    this.#walk(plan.shadowAllow, evidence, context.nowMs, ALLOW_UNASKED);
    sortUnique(walker.trueRules);
    for (const { id } of walker.trueRules) results.push(Object.freeze({ rule: id, effect: 'allow', matched: 'true' }));
    walker.end();
    return results.length === 0 ? NO_SHADOW : Object.freeze(results);
  }

  nearest(evidence: Evidence, context: PolicyContext): NearestMiss | undefined {
    return findNearest(this.#planOf(context), evidence, context.nowMs);
  }

  deniesHandoff(listener: string): boolean {
    return this.rules.some(({ effect, shadow, listeners, terms }) => effect === 'allow' && !shadow && terms.handoff === 'deny' && (listeners?.has(listener) ?? true));
  }

  /** Rules with a part that no index files: evaluated for every connection of their listeners. */
  get residualRules(): readonly string[] {
    return [...new Set(this.#compiled.conjuncts.filter(({ literals }) => literals.length === 0).map(({ rule }) => rule.id))];
  }

  #planOf(context: PolicyContext): Plan {
    const { plans } = this.#compiled;
    return plans.byListener.get(context.listener) ?? plans.everywhere;
  }

  #walk(roots: readonly Root[], evidence: Evidence, nowMs: number, mode: WalkMode): void {
    this.#walker.begin(evidence, nowMs, mode);
    for (const { node, maxRank } of roots) this.#walker.walk(node, maxRank);
  }

  #decide(plan: Plan, evidence: Evidence, nowMs: number): Decision {
    const walker = this.#walker;
    this.#walk(plan.deny, evidence, nowMs, DENY);
    if (walker.trueRules.length > 0) return this.#outcomes.of('deny', 'rule', walker.trueRules);
    if (walker.unknownRules.length > 0) return this.#outcomes.of('deny', 'unknown-evidence', walker.unknownRules);
    const open = walker.openFans.length + walker.openConjuncts.length > 0;
    this.#walk(plan.allow, evidence, nowMs, ALLOW);
    if (walker.trueRules.length === 0) return BY_DEFAULT;
    const decision = this.#outcomes.of('allow', 'rule', walker.trueRules);
    if (!open) return decision;
    // I2: nobody asked what a deny rule needs to know, so nobody can say that it does not match.
    this.#walk(plan.deny, evidence, nowMs, DENY_UNASKED);
    return walker.unknownRules.length === 0 ? decision : this.#outcomes.of('deny', 'unknown-evidence', walker.unknownRules);
  }

  #wanted(plan: Plan, evidence: Evidence, nowMs: number): ReadonlySet<SelectorKey> {
    const walker = this.#walker;
    this.#walk(plan.deny, evidence, nowMs, DENY);
    // Refused already, or refused since it cannot be excluded: nothing can change that.
    let mask: number[] | undefined;
    if (walker.trueRules.length === 0 && walker.unknownRules.length === 0) {
      mask = [];
      this.#addOpen(mask);
      this.#walk(plan.allow, evidence, nowMs, ALLOW);
      let granted = 0;
      for (const rule of walker.trueRules) granted |= rule.grantBits;
      if (this.#found()) this.#addOpenGrants(mask, granted & ~MANY_GRANTS);
      else if (walker.openFans.length + walker.openConjuncts.length > 0) this.#addOpen(mask);
      // No allow can come true any more, so no deny needs to be looked at.
      else mask = undefined;
    }
    walker.end();
    return mask === undefined ? NO_KEYS : this.#keySets.unasked(mask, evidence);
  }

  #found(): boolean {
    return this.#walker.trueRules.length > 0;
  }

  #addOpen(mask: number[]): void {
    for (const { keys } of this.#walker.openFans) addMask(mask, keys);
    for (const { keys } of this.#walker.openConjuncts) addMask(mask, keys);
  }

  /** Of the allow rules still open, only those that could add to the grant. */
  #addOpenGrants(mask: number[], granted: number): void {
    for (const fan of this.#walker.openFans) addIfNew(mask, fan.grantKeys, fan.grantBits, granted);
    for (const conjunct of this.#walker.openConjuncts) addIfNew(mask, conjunct.keys, conjunct.rule.grantBits, granted);
  }
}

function addIfNew(mask: number[], keys: KeyMask, grantBits: number, granted: number): void {
  if ((grantBits & ~granted) !== 0) addMask(mask, keys);
}
