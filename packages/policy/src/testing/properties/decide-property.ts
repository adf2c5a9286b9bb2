import { isDeepStrictEqual } from 'node:util';
import type { Decision, Evidence, Evidenced, PolicyContext, SelectorKey } from '@portcullis/core';
import type { CompiledPolicy } from '../../decide/compiled-policy.js';
import type { Property } from '../policy-test.js';
import { askedKeys, atomsOf, type KeyAtoms } from './atoms.js';
import { contextsOf } from './contexts.js';
import { MAYBE_TRUE, MAYBE_UNKNOWN, possibleTruths, type Truths } from './possible.js';

/** Peers that are looked at for one property, unless told otherwise: some seconds of work. */
export const MAX_LOOKS = 200_000;

/** A peer of which the property does not hold. Keys that it does not mention make no difference. */
export interface Counterexample extends PolicyContext {
  readonly peer: Evidence;
  readonly decision: Decision;
}

export interface PropertyResult {
  readonly property: Property;
  /** `undecided`: no counterexample was found, and not everything was looked at. Never to be read as proved. */
  readonly outcome: 'proved' | 'refuted' | 'undecided';
  readonly counterexample?: Counterexample;
  /** Peers on listeners at moments that can be told apart, all in all. */
  readonly total: bigint;
  /** Of these, how many were decided: one look at a peer decides all that differ only in what makes no difference. */
  readonly decided: bigint;
  readonly looks: number;
  /** Keys with so many or such patterns that not all that can be told apart was found. */
  readonly incomplete: readonly SelectorKey[];
  /** Whether every moment that rules can tell apart was among those looked at. */
  readonly allMoments: boolean;
}

/** Decides a property over everything that the policy and the property can tell apart, within `maxLooks`. */
export function decideProperty(policy: CompiledPolicy, property: Property, clockMs: number, maxLooks = MAX_LOOKS): PropertyResult {
  const search = new Search(policy, property, maxLooks);
  const { contexts, complete } = contextsOf(policy, property.listeners, clockMs);
  let counterexample: Counterexample | undefined;
  for (const context of contexts) {
    counterexample = search.run(context);
    if (counterexample !== undefined || search.exhausted) break;
  }
  const { decided, looks, incomplete } = search;
  const total = search.peers * BigInt(contexts.length);
  const outcome = counterexample !== undefined ? 'refuted' : search.exhausted || incomplete.length > 0 || !complete ? 'undecided' : 'proved';
  return Object.freeze({ property, outcome, ...(counterexample !== undefined && { counterexample }), total, decided, looks, incomplete, allMoments: complete });
}

/** Asks for keys as the engine does, and goes every way that an answer can lead. */
class Search {
  readonly #policy: CompiledPolicy;
  readonly #property: Property;
  readonly #maxLooks: number;
  readonly #atoms: ReadonlyMap<SelectorKey, KeyAtoms>;
  /** Truths of `where` with which the property speaks of a peer. */
  readonly #inScope: Truths;
  readonly #evidence = new Map<SelectorKey, Evidenced>();
  readonly peers: bigint;
  decided = 0n;
  looks = 0;
  exhausted = false;

  constructor(policy: CompiledPolicy, property: Property, maxLooks: number) {
    this.#policy = policy;
    this.#property = property;
    this.#maxLooks = maxLooks;
    const conditions = policy.rules.filter(({ shadow }) => !shadow).flatMap(({ when, limit }) => [when, ...(limit?.tests ?? [])]);
    const asked = askedKeys(property.where === undefined ? conditions : [property.where, ...conditions]);
    this.#atoms = new Map([...asked].map(([key, one]) => [key, atomsOf(one)]));
    // I4: who is to be refused is refused where nobody can tell, too. Who is to be admitted must be known.
    const refusal = (property.kind === 'never') === (property.decision === 'allow');
    this.#inScope = refusal ? MAYBE_TRUE | MAYBE_UNKNOWN : MAYBE_TRUE;
    this.peers = [...this.#atoms.values()].reduce((product, { states }) => product * BigInt(states.length), 1n);
  }

  get incomplete(): readonly SelectorKey[] {
    return [...this.#atoms.values()].filter(({ complete }) => !complete).map(({ key }) => key);
  }

  run(context: PolicyContext): Counterexample | undefined {
    return this.#visit(context, this.peers);
  }

  /** @param alike how many peers there are with the evidence so far */
  #visit(context: PolicyContext, alike: bigint): Counterexample | undefined {
    if (this.looks >= this.#maxLooks) {
      this.exhausted = true;
      return undefined;
    }
    this.looks++;
    const { where } = this.#property;
    const truths = where === undefined ? MAYBE_TRUE : possibleTruths(where, this.#evidence);
    if ((truths & this.#inScope) === 0) {
      this.decided += alike;
      return undefined;
    }
    const open = where !== undefined && (truths & ~this.#inScope) !== 0 ? this.#openKey(where) : undefined;
    const key = open ?? this.#wantedKey(context);
    return key === undefined ? this.#decide(context, alike) : this.#branch(key, context, alike);
  }

  #branch(key: KeyAtoms, context: PolicyContext, alike: bigint): Counterexample | undefined {
    const each = alike / BigInt(key.states.length);
    for (const state of key.states) {
      this.#evidence.set(key.key, state);
      const found = this.#visit(context, each);
      if (found !== undefined || this.exhausted) {
        this.#evidence.delete(key.key);
        return found;
      }
    }
    this.#evidence.delete(key.key);
    return undefined;
  }

  /** Nothing that is still open could change effect or grant. */
  #decide(context: PolicyContext, alike: bigint): Counterexample | undefined {
    const decision = this.#policy.decide(this.#evidence, context);
    const { kind, decision: effect, grant } = this.#property;
    const matches = decision.effect === effect && (grant === undefined || Object.entries(grant).every(([name, value]) => isDeepStrictEqual(decision.grant[name], value)));
    if (matches === (kind === 'always')) {
      this.decided += alike;
      return undefined;
    }
    return Object.freeze({ ...context, peer: new Map(this.#evidence), decision });
  }

  #openKey(where: NonNullable<Property['where']>): KeyAtoms | undefined {
    if (where.kind === 'test') return this.#evidence.has(where.key) ? undefined : this.#atoms.get(where.key);
    for (const part of where.conditions) {
      const open = this.#openKey(part);
      if (open !== undefined) return open;
    }
    return undefined;
  }

  /** Of the keys that could change the decision, the one with the fewest states: it leaves the fewest ways to go. */
  #wantedKey(context: PolicyContext): KeyAtoms | undefined {
    let best: KeyAtoms | undefined;
    for (const key of this.#policy.wanted(this.#evidence, context)) {
      const atoms = this.#atoms.get(key);
      if (atoms !== undefined && (best === undefined || atoms.states.length < best.states.length)) best = atoms;
    }
    return best;
  }
}
