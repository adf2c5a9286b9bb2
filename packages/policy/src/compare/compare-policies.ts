import { isDeepStrictEqual } from 'node:util';
import { trustRank, type Decision, type Evidence, type Evidenced, type PolicyContext, type SelectorKey } from '@portcullis/core';
import type { CompiledPolicy } from '../decide/compiled-policy.js';
import type { Condition } from '../source/condition.js';
import type { Rule } from '../source/rule.js';
import type { KeyAtoms } from '../testing/properties/atoms.js';
import { contextsOfAll } from '../testing/properties/contexts.js';
import { MAYBE_TRUE, MAYBE_UNKNOWN, possibleTruths } from '../testing/properties/possible.js';
import { differingRules, ruleChanges, type RuleChanges } from './changed-rules.js';
import { StateSpace } from './state-space.js';

/** Differences that are told apart; more are counted. */
export const MAX_DIFFERENCES = 200;

export type DifferenceKind = 'admits-more' | 'admits-less' | 'grant' | 'lease' | 'limit';

/** Peers that two policies decide differently, by the same rules: one of them as a witness. */
export interface Difference extends PolicyContext {
  readonly kind: DifferenceKind;
  readonly before: Decision;
  readonly after: Decision;
  /** Keys that it does not mention make no difference. */
  readonly peer: Evidence;
  /** Listeners on which such peers were found. */
  readonly listeners: readonly string[];
}

export interface Comparison {
  /** `undecided`: no difference was found, and not everything was looked at. Never to be read as same. */
  readonly outcome: 'same' | 'different' | 'undecided';
  readonly differences: readonly Difference[];
  /** Whether there may be more differences than these. */
  readonly complete: boolean;
  readonly rules: RuleChanges;
  readonly looks: number;
  /** Keys with so many or such patterns that not all that can be told apart was found. */
  readonly incomplete: readonly SelectorKey[];
}

/**
 * Compares what two policies enforce, over every peer, listener and moment that either can tell apart. Limits count as not
 * exhausted. What only rules of both policies decide is not looked at twice, so that a small change to a large policy is a
 * small search.
 */
export function comparePolicies(before: CompiledPolicy, after: CompiledPolicy, clockMs: number, maxLooks: number): Comparison {
  const search = new Search(before, after, maxLooks);
  const { contexts, complete: allMoments } = contextsOfAll([before, after], clockMs);
  for (const context of contexts) {
    search.run(context);
    if (search.exhausted) break;
  }
  const { differences, looks, incomplete } = search;
  const complete = !search.exhausted && incomplete.length === 0 && allMoments;
  const outcome = differences.length > 0 ? 'different' : complete ? 'same' : 'undecided';
  return Object.freeze({ outcome, differences, complete, rules: ruleChanges(before.rules, after.rules), looks, incomplete });
}

class Search {
  readonly #before: CompiledPolicy;
  readonly #after: CompiledPolicy;
  readonly #maxLooks: number;
  readonly #space: StateSpace;
  readonly #differing: readonly Rule[];
  readonly #enforced: readonly Rule[];
  /** Allow rules, where leases differ: which of them match makes a difference then beyond effect and grant. */
  readonly #leased: readonly Rule[];
  readonly #found = new Map<string, Difference>();
  readonly #evidence = new Map<SelectorKey, Evidenced>();
  readonly #incomplete = new Set<SelectorKey>();
  looks = 0;
  exhausted = false;

  constructor(before: CompiledPolicy, after: CompiledPolicy, maxLooks: number) {
    this.#before = before;
    this.#after = after;
    this.#maxLooks = maxLooks;
    const all = [...before.rules, ...after.rules];
    this.#space = new StateSpace(all);
    this.#differing = differingRules(before.rules, after.rules);
    this.#enforced = all.filter(({ shadow }) => !shadow);
    const allows = this.#enforced.filter(({ effect }) => effect === 'allow');
    this.#leased = allows.every(({ terms }) => isDeepStrictEqual(terms, allows[0]?.terms)) ? [] : allows;
  }

  get differences(): readonly Difference[] {
    return [...this.#found.values()];
  }

  get incomplete(): readonly SelectorKey[] {
    return [...this.#incomplete];
  }

  run(context: PolicyContext): void {
    const [expired, alsoExpired] = [this.#before, this.#after].map(({ expiresMs }) => context.nowMs >= expiresMs);
    if (expired === true && alsoExpired === true) return;
    // Where one of them has run out, no rule is in both.
    const differing = (expired === alsoExpired ? this.#differing : this.#enforced).filter((rule) => isBound(rule, context));
    if (differing.length > 0) this.#visit(context, differing);
  }

  #visit(context: PolicyContext, differing: readonly Rule[]): void {
    if (this.looks >= this.#maxLooks) {
      this.exhausted = true;
      return;
    }
    this.looks++;
    const open = differing.filter((rule) => this.#matters(rule));
    // Nothing is left that only one of them has: the rules of both decide, and they decide the same.
    if (open.length === 0) return;
    const wanted = new Set([...this.#before.wanted(this.#evidence, context), ...this.#after.wanted(this.#evidence, context)]);
    if (wanted.size === 0) this.#addLeases(wanted, context);
    const key = this.#choose(wanted, open);
    if (key === undefined) {
      this.#decide(context);
      return;
    }
    if (!key.complete) this.#incomplete.add(key.key);
    for (const state of key.states) {
      this.#evidence.set(key.key, state);
      this.#visit(context, open);
      if (this.exhausted) break;
    }
    this.#evidence.delete(key.key);
  }

  /** Whether the rule may have a say yet. */
  #matters({ when, effect, requires, skipUnknown }: Rule): boolean {
    const truths = possibleTruths(when, this.#evidence, trustRank(requires));
    return (truths & (effect === 'deny' && !skipUnknown ? MAYBE_TRUE | MAYBE_UNKNOWN : MAYBE_TRUE)) !== 0;
  }

  /** Effect and grant are fixed; what the lease is may hang on further rules. */
  #addLeases(wanted: Set<SelectorKey>, context: PolicyContext): void {
    if (this.#leased.length === 0 || this.#before.decide(this.#evidence, context).effect === 'deny' || this.#after.decide(this.#evidence, context).effect === 'deny') return;
    for (const rule of this.#leased) if (isBound(rule, context) && this.#matters(rule)) addKeys(rule.when, this.#evidence, wanted);
  }

  /** Keys of rules that differ first, then the one with the fewest states: it leaves the fewest ways to go. */
  #choose(wanted: ReadonlySet<SelectorKey>, open: readonly Rule[]): KeyAtoms | undefined {
    const first = new Set<SelectorKey>();
    for (const { when } of open) addKeys(when, this.#evidence, first);
    const preferred = [...wanted].filter((key) => first.has(key));
    let best: KeyAtoms | undefined;
    for (const key of preferred.length > 0 ? preferred : wanted) {
      const atoms = this.#space.of(key);
      if (atoms !== undefined && (best === undefined || atoms.states.length < best.states.length)) best = atoms;
    }
    return best;
  }

  #decide(context: PolicyContext): void {
    const before = this.#before.decide(this.#evidence, context);
    const after = this.#after.decide(this.#evidence, context);
    const kind = differenceOf(before, after);
    if (kind === undefined) return;
    const id = JSON.stringify([kind, before.cause, before.rules, after.cause, after.rules]);
    const known = this.#found.get(id);
    if (known === undefined && this.#found.size >= MAX_DIFFERENCES) {
      this.exhausted = true;
      return;
    }
    const listeners = [...new Set([...(known?.listeners ?? []), context.listener])];
    const plainer = known === undefined || effort(this.#evidence) < effort(known.peer);
    this.#found.set(id, Object.freeze(plainer ? { kind, ...context, before, after, peer: new Map(this.#evidence), listeners } : { ...known, listeners }));
  }
}

/** What differs first, of what is decided; undefined where nothing does. */
export function differenceOf(before: Decision, after: Decision): DifferenceKind | undefined {
  if (before.effect !== after.effect) return after.effect === 'allow' ? 'admits-more' : 'admits-less';
  if (before.effect === 'deny') return undefined;
  if (!isDeepStrictEqual(before.grant, after.grant)) return 'grant';
  if (!isDeepStrictEqual(before.terms, after.terms)) return 'lease';
  return isDeepStrictEqual(limitsOf(before), limitsOf(after)) ? undefined : 'limit';
}

/** What is limited, whatever the rule is called. */
function limitsOf({ limits = [] }: Decision): ReadonlySet<unknown> {
  return new Set(limits.map(({ key, rate, concurrent }) => JSON.stringify([[...key].sort(), rate, concurrent])));
}

/** How much of a witness is unusual: what is known is easier to picture than what nobody could look at. */
function effort(evidence: Evidence): number {
  let effort = 0;
  for (const [, { state }] of evidence) effort += state === 'unknown' ? 100 : 1;
  return effort;
}

/** Of the listener. Whether it is in force at the moment is left to the decision. */
function isBound({ listeners }: Rule, { listener }: PolicyContext): boolean {
  return listeners?.has(listener) !== false;
}

function addKeys(condition: Condition, evidence: Evidence, keys: Set<SelectorKey>): void {
  if (condition.kind === 'test') {
    if (!evidence.has(condition.key)) keys.add(condition.key);
    return;
  }
  for (const part of condition.conditions) addKeys(part, evidence, keys);
}
