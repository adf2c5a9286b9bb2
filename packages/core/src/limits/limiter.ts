import type { Decision } from '../decision.js';
import type { Evidence } from '../evidence.js';
import { bucketName, type Limit, type LimitState } from './limit.js';
import { BucketRoom, MOST_BUCKETS, TokenBuckets, type Bucket } from './token-buckets.js';

/** Sets of values counted apart, all limits of a policy together. */
const MOST_IN_ALL = 4 * MOST_BUCKETS;

interface Place {
  readonly buckets: TokenBuckets<string>;
  readonly bucket: Bucket;
}

/** A decision that was charged. `release` is to be called once, when the connection ends. */
export interface Charged {
  readonly decision: Decision;
  readonly release?: () => void;
}

/** Counts what the limits of a gate's policy admitted. Only decisions that are carried out are charged. */
export class Limiter implements LimitState {
  readonly #room: BucketRoom;
  readonly #tables = new Map<string, TokenBuckets<string>>();
  /** Tables without a place for another name, as one who came saw. */
  readonly #full = new Set<TokenBuckets<string>>();

  constructor(most = MOST_IN_ALL) {
    this.#room = new BucketRoom(most);
  }

  /** Sets of values that are counted apart at the moment. */
  get size(): number {
    return this.#room.taken;
  }

  hasRoom(limit: Limit, evidence: Evidence, nowMs: number): boolean {
    const name = bucketName(limit, evidence);
    if (name === undefined) return false;
    // What nobody was admitted under is full.
    const table = this.#tables.get(limit.id);
    if (table === undefined) return true;
    if (table.isFull()) this.#full.add(table);
    return table.hasRoom(name, nowMs);
  }

  /** Before a peer is decided on, not while: makes room in tables that had none, a little each time. Returns itself. */
  tidy(nowMs: number): this {
    for (const table of this.#full) {
      table.sweep(nowMs);
      if (!table.isFull()) this.#full.delete(table);
    }
    return this;
  }

  /**
   * Charges every limit of a decision that allows. Late answers may come together: whoever is charged first has the place,
   * and where none is left the policy is asked `again`.
   */
  charge(decided: Decision, evidence: Evidence, nowMs: number, again: () => Decision): Charged {
    let decision = decided;
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      if (decision.effect !== 'allow' || decision.limits === undefined) return { decision };
      const places = this.#take(decision.limits, evidence, nowMs);
      if (places !== undefined) return { decision, release: () => { giveBack(places); } };
      decision = again();
    }
    throw new Error('the policy allows what its limits have no room for');
  }

  /** Forgets what was counted for limits that are no longer in force. */
  retain(limits: readonly Limit[]): void {
    const kept = new Set(limits.map(({ id }) => id));
    for (const [id, table] of this.#tables) {
      if (kept.has(id)) continue;
      table.clear();
      this.#tables.delete(id);
      this.#full.delete(table);
    }
  }

  /** A place below each of the limits, or none below any. */
  #take(limits: readonly Limit[], evidence: Evidence, nowMs: number): readonly Place[] | undefined {
    if (!limits.every((limit) => this.hasRoom(limit, evidence, nowMs))) return undefined;
    const places: Place[] = [];
    for (const limit of limits) {
      const buckets = this.#tableOf(limit);
      const bucket = buckets.take(bucketName(limit, evidence) ?? '', nowMs);
      if (bucket === undefined) {
        giveBack(places);
        return undefined;
      }
      places.push({ buckets, bucket });
    }
    return places;
  }

  #tableOf({ id, rate, concurrent }: Limit): TokenBuckets<string> {
    let table = this.#tables.get(id);
    if (table === undefined) this.#tables.set(id, (table = new TokenBuckets<string>(rate, concurrent, this.#room)));
    return table;
  }
}

/** Each try finds one more limit exhausted that the policy then knows of. */
const MOST_TRIES = 4;

function giveBack(places: readonly Place[]): void {
  for (const { buckets, bucket } of places) buckets.give(bucket);
}
