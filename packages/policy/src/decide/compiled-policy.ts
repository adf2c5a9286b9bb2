import { FrozenSet, type Decision, type Evidence, type Limit, type NearestMiss, type Policy, type PolicyContext, type SelectorKey, type SelectorValue, type ShadowResult } from '@portcullis/core';
import { addMask, MANY_GRANTS, type CompiledRule, type KeyMask } from '../compile/compiled-rule.js';
import { literalValues, type CompiledRules } from '../compile/compile-rules.js';
import type { Plan, Root } from '../compile/plan.js';
import type { Rule } from '../source/rule.js';
import { KeySets, NO_KEYS } from './key-sets.js';
import { findNearest } from './nearest.js';
import { frozenDecision, Outcomes, sortUnique, withExhausted } from './outcomes.js';
import { Walker, type WalkMode } from './walker.js';

const DENY: WalkMode = { followUnknown: true, unaskedIsUnknown: false };
const DENY_UNASKED: WalkMode = { followUnknown: true, unaskedIsUnknown: true };
const ALLOW: WalkMode = { followUnknown: false, unaskedIsUnknown: false };
const ALLOW_UNASKED: WalkMode = { followUnknown: false, unaskedIsUnknown: true };

const NO_SHADOW: readonly ShadowResult[] = Object.freeze([]);
const BY_DEFAULT: Decision = frozenDecision('deny', 'default', []);
const EXPIRED: Decision = frozenDecision('deny', 'expired-policy', []);
const NONE_EXHAUSTED: readonly CompiledRule[] = Object.freeze([]);

/** What a compiled policy is called, and where it comes from. */
export interface PolicyIdentity {
  readonly name: string;
  readonly revision: string;
  /** From this moment on it denies everything; undefined is never. */
  readonly expiresMs?: number | undefined;
}

/** A policy as it is decided. Immutable: what it remembers only saves doing the same again. */
export class CompiledPolicy implements Policy {
  readonly name: string;
  readonly revision: string;
  readonly keys: ReadonlySet<SelectorKey>;
  /** The checked rules, in the order of the files: for tools that explain. */
  readonly rules: readonly Rule[];
  /** From this moment on it denies everything; `Infinity` is never. */
  readonly expiresMs: number;
  /** Those of its enforced rules. */
  readonly limits: readonly Limit[];
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
    this.expiresMs = identity.expiresMs ?? Infinity;
    this.limits = Object.freeze(limitsOf(this.rules));
    this.#compiled = compiled;
    this.#keySets = new KeySets(compiled.keys);
    const nothing: Evidence = new Map();
    for (const plan of [compiled.plans.everywhere, ...compiled.plans.byListener.values()]) {
      this.#firstWanted.set(plan, this.#wanted(plan, nothing, { listener: '', nowMs: -Infinity }));
    }
    Object.freeze(this);
  }

  /** Gathered at the first call, when attestors prepare. */
  get literals(): ReadonlyMap<SelectorKey, ReadonlySet<SelectorValue>> {
    return (this.#literals ??= literalValues(this.#compiled.rules));
  }

  wanted(evidence: Evidence, context: PolicyContext): ReadonlySet<SelectorKey> {
    // Nothing can change any more.
    if (context.nowMs >= this.expiresMs) return NO_KEYS;
    const plan = this.#planOf(context);
    if (evidence.size === 0) return this.#firstWanted.get(plan) ?? NO_KEYS;
    return this.#wanted(plan, evidence, context);
  }

  wantedByShadow(evidence: Evidence, context: PolicyContext): ReadonlySet<SelectorKey> {
    if (context.nowMs >= this.expiresMs) return NO_KEYS;
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
    if (context.nowMs >= this.expiresMs) return EXPIRED;
    const plan = this.#planOf(context);
    const decision = this.#decide(plan, evidence, context);
    this.#walker.end();
    return decision;
  }

  shadow(evidence: Evidence, context: PolicyContext): readonly ShadowResult[] {
    const plan = this.#planOf(context);
    if (context.nowMs >= this.expiresMs || (plan.shadowDeny.length === 0 && plan.shadowAllow.length === 0)) return NO_SHADOW;
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
    return context.nowMs >= this.expiresMs ? undefined : findNearest(this.#planOf(context), evidence, context);
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

  #decide(plan: Plan, evidence: Evidence, context: PolicyContext): Decision {
    const { nowMs } = context;
    const walker = this.#walker;
    this.#walk(plan.deny, evidence, nowMs, DENY);
    if (walker.trueRules.length > 0) return this.#outcomes.of('deny', 'rule', walker.trueRules);
    if (walker.unknownRules.length > 0) return this.#outcomes.of('deny', 'unknown-evidence', walker.unknownRules);
    const open = walker.openFans.length + walker.openConjuncts.length > 0;
    this.#walk(plan.allow, evidence, nowMs, ALLOW);
    const exhausted = this.#dropExhausted(evidence, context);
    if (walker.trueRules.length === 0) return exhausted.length === 0 ? BY_DEFAULT : this.#outcomes.of('deny', 'limit', [...exhausted]);
    const allowed = this.#outcomes.of('allow', 'rule', walker.trueRules);
    const decision = exhausted.length === 0 ? allowed : withExhausted(allowed, exhausted);
    if (!open) return decision;
    // I2: nobody asked what a deny rule needs to know, so nobody can say that it does not match.
    this.#walk(plan.deny, evidence, nowMs, DENY_UNASKED);
    return walker.unknownRules.length === 0 ? decision : this.#outcomes.of('deny', 'unknown-evidence', walker.unknownRules);
  }

  /** Takes rules whose limit is exhausted out of those that are true: they do not match. */
  #dropExhausted(evidence: Evidence, { limits, nowMs }: PolicyContext): readonly CompiledRule[] {
    if (limits === undefined || this.limits.length === 0) return NONE_EXHAUSTED;
    const { trueRules } = this.#walker;
    sortUnique(trueRules);
    const exhausted = trueRules.filter(({ limit }) => limit !== undefined && !limits.hasRoom(limit, evidence, nowMs));
    if (exhausted.length > 0) trueRules.splice(0, trueRules.length, ...trueRules.filter((rule) => !exhausted.includes(rule)));
    return exhausted;
  }

  #wanted(plan: Plan, evidence: Evidence, context: PolicyContext): ReadonlySet<SelectorKey> {
    const { nowMs } = context;
    const walker = this.#walker;
    this.#walk(plan.deny, evidence, nowMs, DENY);
    // Refused already, or refused since it cannot be excluded: nothing can change that.
    let mask: number[] | undefined;
    if (walker.trueRules.length === 0 && walker.unknownRules.length === 0) {
      mask = [];
      this.#addOpen(mask);
      this.#walk(plan.allow, evidence, nowMs, ALLOW);
      this.#dropExhausted(evidence, context);
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

function limitsOf(rules: readonly Rule[]): readonly Limit[] {
  const limits: Limit[] = [];
  for (const { shadow, limit } of rules) if (!shadow && limit !== undefined) limits.push(limit.limit);
  return limits;
}

function addIfNew(mask: number[], keys: KeyMask, grantBits: number, granted: number): void {
  if ((grantBits & ~granted) !== 0) addMask(mask, keys);
}
