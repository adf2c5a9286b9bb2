import type { Attestor } from './attestor.js';
import { Catalogue, type SelectorDefinition } from './catalogue.js';
import { unknown, type Evidence, type Evidenced, type Finding, type Findings } from './evidence.js';
import { evidenced } from './evidenced.js';
import { FrozenSet } from './frozen-set.js';
import { ceilingOf, givenTo, NOTHING_GIVEN, unaskedOf, unknownByNeed, withNeeds } from './needs.js';
import type { Peer } from './peer.js';
import type { SelectorKey } from './selector.js';
import { costRank, type CostTier, type TrustTier } from './tiers.js';

/** The keys of one attestor that one round asks for. */
interface Ask {
  readonly attestor: Attestor;
  readonly keys: ReadonlySet<SelectorKey>;
  readonly wanted: readonly Wanted[];
  /** Whether any of the keys is computed from others. */
  readonly needy: boolean;
}

/** One wanted key. An attestor that gives the same frozen finding again need not be checked again. */
interface Wanted {
  readonly key: SelectorKey;
  readonly definition: SelectorDefinition;
  lastFinding: Finding | undefined;
  lastEvidenced: Evidenced | undefined;
  lastCeiling: TrustTier | undefined;
}

/** One round: the cheapest tier of a wanted set, by attestor, and the keys nobody establishes. */
interface Round {
  readonly asks: readonly Ask[];
  readonly orphans: readonly SelectorKey[];
  /** What must be known before. */
  readonly needs: ReadonlySet<SelectorKey>;
}

const NO_ATTESTOR = Object.freeze(unknown('no-attestor'));

/** Knows which attestor establishes which key, and turns what attestors say into evidence. */
export class Collector {
  readonly catalogue: Catalogue;
  readonly #owner = new Map<SelectorDefinition, Attestor>();
  /** Policies return the same sets again and again, so a round is worked out once for each. */
  readonly #rounds = new WeakMap<ReadonlySet<SelectorKey>, Round>();
  readonly #reach = new WeakMap<ReadonlySet<SelectorKey>, number>();

  constructor(attestors: readonly Attestor[]) {
    // Not of the owners' keys: two attestors that share a definition would look like one.
    this.catalogue = Catalogue.of(attestors);
    for (const attestor of attestors) {
      for (const definition of attestor.selectors) this.#owner.set(definition, attestor);
    }
  }

  /** How many keys can have been asked at most where `keys` are mentioned: these, and what they need. */
  reach(keys: ReadonlySet<SelectorKey>): number {
    let reach = this.#reach.get(keys);
    if (reach === undefined) this.#reach.set(keys, (reach = withNeeds(keys, (key) => this.catalogue.find(key)).size));
    return reach;
  }

  /**
   * Asks for the cheapest tier of `wanted`, or, where that needs keys that are not in `known`, for the cheapest tier of
   * those; files an answer for every key that was asked. Returns a promise only if an attestor did. Rejects or throws only
   * for an attestor's defect.
   */
  collect(wanted: ReadonlySet<SelectorKey>, peer: Peer, evidence: Map<SelectorKey, Evidenced>, signal: AbortSignal, known: Evidence = evidence): Promise<void> | undefined {
    const round = this.#round(wanted);
    const first = round.needs.size === 0 ? undefined : unaskedOf(round.needs, known);
    if (first !== undefined) return this.collect(first, peer, evidence, signal, known);
    const { ceiling } = peer;
    for (const key of round.orphans) evidence.set(key, NO_ATTESTOR);
    let late: Promise<void>[] | undefined;
    try {
      for (const planned of round.asks) {
        const ask = planned.needy ? answerable(planned, known, evidence) : planned;
        if (ask === undefined) continue;
        const given = ask.needy ? givenTo(ask.wanted.map(({ definition }) => definition), known) : NOTHING_GIVEN;
        const answer = ask.attestor.attest(peer, ask.keys, signal, given);
        if (answer instanceof Promise) (late ??= []).push(answer.then((findings) => { file(ask.wanted, findings, evidence, ceiling, given); }));
        else file(ask.wanted, answer, evidence, ceiling, given);
      }
    } catch (error) {
      // One threw while another still works: nobody will wait for that one any more.
      for (const abandoned of late ?? []) abandoned.catch(() => undefined);
      throw error;
    }
    if (late === undefined) return undefined;
    return late.length === 1 ? late[0] : Promise.all(late).then(() => undefined);
  }

  #round(wanted: ReadonlySet<SelectorKey>): Round {
    let round = this.#rounds.get(wanted);
    if (round === undefined) {
      round = this.#plan(wanted);
      this.#rounds.set(wanted, round);
    }
    return round;
  }

  #plan(wanted: ReadonlySet<SelectorKey>): Round {
    const orphans: SelectorKey[] = [];
    let cheapest: CostTier | undefined;
    for (const key of wanted) {
      const cost = this.catalogue.find(key)?.cost;
      if (cost === undefined) orphans.push(key);
      else if (cheapest === undefined || costRank(cost) < costRank(cheapest)) cheapest = cost;
    }
    const byAttestor = new Map<Attestor, Wanted[]>();
    for (const key of wanted) {
      const definition = this.catalogue.find(key);
      const attestor = definition?.cost === cheapest && definition !== undefined ? this.#owner.get(definition) : undefined;
      if (attestor === undefined || definition === undefined) continue;
      const own = byAttestor.get(attestor) ?? [];
      own.push({ key, definition, lastFinding: undefined, lastEvidenced: undefined, lastCeiling: undefined });
      byAttestor.set(attestor, own);
    }
    const asks = [...byAttestor].map(([attestor, own]) => askOf(attestor, own));
    return { orphans, asks, needs: new Set(asks.flatMap(({ wanted: own }) => own.flatMap(({ definition }) => definition.needs ?? []))) };
  }
}

function askOf(attestor: Attestor, wanted: readonly Wanted[]): Ask {
  return { attestor, wanted, keys: new FrozenSet(wanted.map(({ key }) => key)), needy: wanted.some(({ definition }) => definition.needs !== undefined) };
}

/** What of an ask is left to be asked, once the keys that rest on something unknown were filed as unknown. */
function answerable(ask: Ask, known: Evidence, evidence: Map<SelectorKey, Evidenced>): Ask | undefined {
  const left = ask.wanted.filter(({ key, definition }) => {
    const hindrance = unknownByNeed(definition, known);
    if (hindrance !== undefined) evidence.set(key, hindrance);
    return hindrance === undefined;
  });
  return left.length === ask.wanted.length ? ask : left.length === 0 ? undefined : askOf(ask.attestor, left);
}

/** Every wanted key gets an answer; what the attestor did not say, or said outside its catalogue, is unknown. */
function file(wanted: readonly Wanted[], findings: Findings, evidence: Map<SelectorKey, Evidenced>, peerCeiling: TrustTier | undefined, given: Evidence): void {
  for (const one of wanted) {
    const ceiling = ceilingOf(one.definition, given, peerCeiling);
    const finding = findings.get(one.key);
    if (finding === undefined) evidence.set(one.key, unknown('attestor-defect', 'no finding for a wanted key'));
    else if (finding === one.lastFinding && one.lastEvidenced !== undefined && ceiling === one.lastCeiling) evidence.set(one.key, one.lastEvidenced);
    else evidence.set(one.key, check(one, finding, ceiling));
  }
}

function check(one: Wanted, finding: Finding, ceiling: TrustTier | undefined): Evidenced {
  const result = evidenced(one.definition, finding, ceiling);
  // A finding that somebody can still write to is another one the next time.
  if (Object.isFrozen(finding) && (finding.state !== 'present' || Object.isFrozen(finding.values))) {
    one.lastFinding = finding;
    one.lastEvidenced = result;
    one.lastCeiling = ceiling;
  }
  return result;
}
