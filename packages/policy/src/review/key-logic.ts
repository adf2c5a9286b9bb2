import { ABSENT, type Evidenced, type SelectorDefinition, type SelectorKey, type SelectorValue } from '@portcullis/core';
import { literalHolds, singleValue, type Literal } from '../compile/literal.js';
import { matchValue } from '../compile/truth.js';
import type { Matcher } from '../source/condition.js';
import { askedMatchers, atomsOf, type KeyAtoms } from '../testing/properties/atoms.js';

type Known = Exclude<Evidenced, { state: 'unknown' }>;

/** States of patterns together that are visited at most, for one key: what is more entangled is left undecided. */
const MAX_STATES = 2_000;
/** Keys looked at by all their states, in one review. */
const MAX_LOOKS = 20_000;

/**
 * What literals of one key say together. Unknown makes every literal unknown, so only states that are known need to be
 * looked at. What cannot be decided is answered as nothing is claimed of it, and `undecided` then says so.
 */
export class KeyLogic {
  readonly #definitions: ReadonlyMap<SelectorKey, SelectorDefinition>;
  #looks = 0;
  undecided = false;

  constructor(definitions: ReadonlyMap<SelectorKey, SelectorDefinition>) {
    this.#definitions = definitions;
  }

  /** A state in which all of these hold; `never` where there is none; undefined where that could not be decided. */
  example(literals: readonly Literal[]): Known | 'never' | undefined {
    const [first] = literals;
    if (first === undefined) return undefined;
    if (literals.length === 1) {
      const plain = plainExample(first);
      if (plain !== undefined) return plain;
    }
    const atoms = this.#atoms(first.key, literals);
    if (atoms === undefined) return undefined;
    for (const state of atoms.states) {
      if (state.state !== 'unknown' && literals.every((literal) => literalHolds(literal, state))) return state;
    }
    if (atoms.complete) return 'never';
    this.undecided = true;
    return undefined;
  }

  /** Whether `claim` surely holds in every known state in which all of `given`, which are of the same key, hold. */
  implies(given: readonly Literal[], claim: Literal): boolean {
    if (given.some((one) => one === claim || impliesPlainly(one, claim))) return true;
    const only = this.#definitions.get(claim.key)?.many === false ? given.map(singleValue).find((value) => value !== undefined) : undefined;
    if (only !== undefined) return literalHolds(claim, { state: 'present', values: [only], tier: 'kernel-connect' });
    const atoms = this.#atoms(claim.key, [...given, claim]);
    if (atoms === undefined) return false;
    const holds = atoms.states.every((state) => state.state === 'unknown' || literalHolds(claim, state) || !given.every((literal) => literalHolds(literal, state)));
    if (holds && !atoms.complete) this.undecided = true;
    return holds && atoms.complete;
  }

  #atoms(key: SelectorKey, literals: readonly Literal[]): KeyAtoms | undefined {
    const definition = this.#definitions.get(key);
    if (definition === undefined) return undefined;
    if (++this.#looks > MAX_LOOKS) {
      this.undecided = true;
      return undefined;
    }
    return atomsOf({ definition, matchers: new Set(literals.flatMap(({ matcher }) => askedMatchers(matcher))) }, MAX_STATES);
  }
}

/** A state for what can always be met; undefined where that takes a closer look. */
function plainExample({ matcher, negated }: Literal): Known | undefined {
  if (negated) return matcher.op === 'exists' ? undefined : { ...ABSENT, tier: 'kernel-connect' };
  if (matcher.op === 'exists') return matcher.exists ? undefined : { ...ABSENT, tier: 'kernel-connect' };
  const value = plainValue(matcher);
  return value === undefined ? undefined : { state: 'present', values: [value], tier: 'kernel-connect' };
}

function plainValue(matcher: Matcher): SelectorValue | undefined {
  if (matcher.op === 'range') return matcher.from;
  if (matcher.op !== 'exact') return undefined;
  for (const value of matcher.values) return value;
  return undefined;
}

/** Without looking at all states: what one value among the peer's does for the one, it does for the other. */
function impliesPlainly(given: Literal, claim: Literal): boolean {
  if (given.negated) return false;
  const matcher = given.matcher;
  if (!claim.negated && claim.matcher.op === 'exists') return claim.matcher.exists ? matcher.op !== 'exists' || matcher.exists : matcher.op === 'exists' && !matcher.exists;
  if (claim.negated || claim.matcher.op === 'not') return false;
  const wanted = claim.matcher;
  if (matcher.op === 'exact') {
    for (const value of matcher.values) if (!matchValue(wanted, value)) return false;
    return true;
  }
  return matcher.op === 'range' && wanted.op === 'range' && wanted.from <= matcher.from && matcher.to <= wanted.to;
}
