import { TRUST_TIERS, trustRank, type Evidenced, type SelectorKey, type TrustTier } from '@portcullis/core';
import type { Condition } from '../source/condition.js';
import type { Rule } from '../source/rule.js';
import { askedKeys, atomsOf, type AskedKey, type KeyAtoms } from '../testing/properties/atoms.js';

/** How rules look at one key. */
interface Readers {
  /** Ranks of the weakest tiers that its allow rules rest on. */
  readonly allow: ReadonlySet<number>;
  readonly deny: boolean;
}

const DENY = -1;

/**
 * For every key of some rules, the states that these can tell apart: values, absent and unknown, and each once more for
 * every weaker tier that makes a difference. Worked out for a key when it is first asked for.
 */
export class StateSpace {
  readonly #asked: ReadonlyMap<SelectorKey, AskedKey>;
  readonly #readers = new Map<SelectorKey, { readonly allow: Set<number>; deny: boolean }>();
  readonly #atoms = new Map<SelectorKey, KeyAtoms>();

  /** Of enforced rules only: shadow rules change no decision. */
  constructor(rules: readonly Rule[]) {
    const enforced = rules.filter(({ shadow }) => !shadow);
    this.#asked = askedKeys(enforced.flatMap(conditionsOf));
    const byReader = new Map<number, Rule[]>();
    for (const rule of enforced) {
      const reader = rule.effect === 'deny' ? DENY : trustRank(rule.requires);
      const rules = byReader.get(reader);
      if (rules === undefined) byReader.set(reader, [rule]);
      else rules.push(rule);
    }
    for (const [reader, some] of byReader) {
      for (const key of askedKeys(some.flatMap(conditionsOf)).keys()) {
        const readers = this.#readers.get(key) ?? { allow: new Set<number>(), deny: false };
        this.#readers.set(key, readers);
        if (reader === DENY) readers.deny = true;
        else readers.allow.add(reader);
      }
    }
  }

  /** Undefined where no rule asks for the key. */
  of(key: SelectorKey): KeyAtoms | undefined {
    const known = this.#atoms.get(key);
    const asked = this.#asked.get(key);
    if (known !== undefined || asked === undefined) return known;
    const atoms = withTiers(atomsOf(asked), asked.definition.trust, this.#readers.get(key) ?? { allow: new Set(), deny: true });
    this.#atoms.set(key, atoms);
    return atoms;
  }

  /**
   * The states of a key of which it is known that it has a value, of this tier. Where no condition tells absence from a
   * value that none of them names, `absent` stands for such a value.
   */
  withValue(key: SelectorKey, tier: TrustTier): KeyAtoms | undefined {
    const asked = this.#asked.get(key);
    const atoms = this.of(key);
    if (asked === undefined || atoms === undefined) return undefined;
    const tellsAbsent = [...asked.matchers].some(({ op }) => op === 'exists');
    const states = atoms.states.flatMap((state) => (state.state === 'unknown' || (state.state === 'absent' && tellsAbsent) ? [] : [Object.freeze({ ...state, tier })]));
    return { ...atoms, states };
  }

  /** How many peers can be told apart, all keys together. */
  get peers(): bigint {
    let product = 1n;
    for (const key of this.#asked.keys()) product *= BigInt(this.of(key)?.states.length ?? 1);
    return product;
  }
}

/** What a rule asks of peers: a limit, whom to count. */
function conditionsOf({ when, limit }: Rule): readonly Condition[] {
  return [when, ...(limit?.tests ?? [])];
}

/** A tier is of interest where some allow rule makes do with it and another does not, or a deny rule reads on. */
function withTiers(atoms: KeyAtoms, strongest: TrustTier, { allow, deny }: Readers): KeyAtoms {
  const tiers = new Map<string, TrustTier>();
  for (const tier of TRUST_TIERS) {
    const rank = trustRank(tier);
    if (rank < trustRank(strongest)) continue;
    const readers = [...allow].filter((most) => rank <= most);
    // What nobody can read any more is as good as unknown, which is a state of its own.
    if (readers.length === 0 && !deny && tiers.size > 0) continue;
    const kind = readers.join(' ');
    if (!tiers.has(kind)) tiers.set(kind, tier);
  }
  const weaker = [...tiers.values()].filter((tier) => tier !== strongest);
  if (weaker.length === 0) return atoms;
  const known = atoms.states.filter((state): state is Exclude<Evidenced, { state: 'unknown' }> => state.state !== 'unknown');
  const states = [...atoms.states, ...weaker.flatMap((tier) => known.map((state) => Object.freeze({ ...state, tier })))];
  return { ...atoms, states };
}
