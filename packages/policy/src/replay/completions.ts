import { isDeepStrictEqual } from 'node:util';
import type { Decision, Evidence, Evidenced, PolicyContext, SelectorKey, TrustTier } from '@portcullis/core';
import { StateSpace } from '../compare/state-space.js';
import type { CompiledPolicy } from '../decide/compiled-policy.js';
import type { KeyAtoms } from '../testing/properties/atoms.js';

/** Peers that are looked at for one record at most. */
const MAX_LOOKS = 500;

/** What a policy decides where some values are missing. */
export interface Completed {
  /** `undetermined`: it depends on what is missing, or that could not be found out within bounds. */
  readonly effect: 'allow' | 'deny' | 'undetermined';
  /** The decision; of several that differ in their grant only, one. Undefined where the effect is undetermined. */
  readonly decision?: Decision;
  /** Allowed in any case, and what is granted depends on what is missing. */
  readonly grantUndetermined?: true;
  /** The missing keys that the answer depends on. */
  readonly missing: readonly SelectorKey[];
}

const NOTHING: readonly SelectorKey[] = Object.freeze([]);

/**
 * Decides over evidence in which keys are missing: not whether any is, but whether any value, absence or ignorance in
 * their place would change the answer. Keys are asked for as the engine does, so what makes no difference is never tried.
 */
export class Completions {
  readonly #policy: CompiledPolicy;
  readonly #space: StateSpace;

  constructor(policy: CompiledPolicy) {
    this.#policy = policy;
    this.#space = new StateSpace(policy.rules);
  }

  /** @param masked keys that had a value, which is not known, with its tier */
  decide(evidence: Evidence, masked: ReadonlyMap<SelectorKey, TrustTier>, context: PolicyContext): Completed {
    const wanted = this.#policy.wanted(evidence, context);
    if (wanted.size === 0) {
      const decision = this.#policy.decide(evidence, context);
      return { effect: decision.effect, decision, missing: NOTHING };
    }
    return new Search(this.#policy, this.#space, masked, context).run(evidence, wanted);
  }
}

class Search {
  readonly #policy: CompiledPolicy;
  readonly #space: StateSpace;
  readonly #masked: ReadonlyMap<SelectorKey, TrustTier>;
  readonly #context: PolicyContext;
  readonly #evidence = new Map<SelectorKey, Evidenced>();
  readonly #tried = new Set<SelectorKey>();
  #looks = 0;
  #first: Decision | undefined;
  #open = false;
  #grants = false;

  constructor(policy: CompiledPolicy, space: StateSpace, masked: ReadonlyMap<SelectorKey, TrustTier>, context: PolicyContext) {
    this.#policy = policy;
    this.#space = space;
    this.#masked = masked;
    this.#context = context;
  }

  run(evidence: Evidence, wanted: ReadonlySet<SelectorKey>): Completed {
    for (const [key, evidenced] of evidence) this.#evidence.set(key, evidenced);
    this.#branch(wanted);
    const missing = [...this.#tried].sort();
    const decision = this.#first;
    if (this.#open || decision === undefined) return { effect: 'undetermined', missing };
    return { effect: decision.effect, decision, ...(this.#grants && { grantUndetermined: true }), missing: this.#grants ? missing : NOTHING };
  }

  #visit(): void {
    this.#looks++;
    const wanted = this.#policy.wanted(this.#evidence, this.#context);
    if (wanted.size > 0) this.#branch(wanted);
    else this.#take(this.#policy.decide(this.#evidence, this.#context));
  }

  #branch(wanted: ReadonlySet<SelectorKey>): void {
    const choice = this.#choose(wanted);
    if (choice === undefined || this.#looks >= MAX_LOOKS) {
      this.#open = true;
      return;
    }
    this.#tried.add(choice.key);
    for (const state of choice.states) {
      this.#evidence.set(choice.key, state);
      this.#visit();
      if (this.#open) break;
    }
    this.#evidence.delete(choice.key);
  }

  #take(decision: Decision): void {
    if (this.#first === undefined) this.#first = decision;
    else if (this.#first.effect !== decision.effect) this.#open = true;
    else if (!isDeepStrictEqual(this.#first.grant, decision.grant)) this.#grants = true;
  }

  /** The key with the fewest states. Undefined where it cannot be said what states one has. */
  #choose(wanted: ReadonlySet<SelectorKey>): KeyAtoms | undefined {
    let best: KeyAtoms | undefined;
    for (const key of wanted) {
      const tier = this.#masked.get(key);
      const atoms = tier === undefined ? this.#space.of(key) : this.#space.withValue(key, tier);
      if (atoms?.complete !== true) {
        this.#tried.add(key);
        return undefined;
      }
      if (best === undefined || atoms.states.length < best.states.length) best = atoms;
    }
    return best;
  }
}
