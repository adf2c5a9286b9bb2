import type { RefusalCode } from './decision.js';
import type { DescriptorBudget } from './descriptor-budget.js';
import type { Uid } from './peer.js';

/** Of all places, those that what waits of one uid may take. */
const SHARE = 4;

/** Counts admissions that wait for a late answer, in all and per uid (T20). */
export class PendingAdmissions {
  readonly #most: number;
  readonly #mostPerUid: number;
  readonly #byUid = new Map<Uid, number>();
  #all = 0;

  constructor(most: number, mostPerUid: number) {
    this.#most = most;
    this.#mostPerUid = mostPerUid;
  }

  /** Each that waits takes a place of the budget: where that is small, one uid must not have them all. */
  static within(budget: DescriptorBudget | undefined, most: number, mostPerUid: number): PendingAdmissions {
    const places = budget?.capacity ?? Infinity;
    return new PendingAdmissions(Math.min(most, places), Math.min(mostPerUid, Math.max(1, Math.floor(places / SHARE))));
  }

  get count(): number {
    return this.#all;
  }

  /** Why one more of this uid may not wait; undefined: it was counted, and must `leave`. */
  enter(uid: Uid): RefusalCode | undefined {
    if (this.#all >= this.#most) return 'pending-limit';
    const own = this.#byUid.get(uid) ?? 0;
    if (own >= this.#mostPerUid) return 'pending-limit-uid';
    this.#all += 1;
    this.#byUid.set(uid, own + 1);
    return undefined;
  }

  leave(uid: Uid): void {
    this.#all -= 1;
    const own = (this.#byUid.get(uid) ?? 1) - 1;
    if (own === 0) this.#byUid.delete(uid);
    else this.#byUid.set(uid, own);
  }
}
