import type { RefusalCode } from './decision.js';
import type { DescriptorBudget } from './descriptor-budget.js';
import type { Uid } from './peer.js';
import { accountOf } from './platform/names/account.js';

/** Of all places, those that what waits of one uid may take. */
const SHARE = 4;

/** Counts admissions that wait for a late answer, in all and per uid, or per user where one has many (T20). */
export class PendingAdmissions {
  readonly #most: number;
  readonly #mostPerUid: number;
  readonly #accountOf: (uid: Uid) => Uid;
  readonly #byAccount = new Map<Uid, number>();
  #all = 0;

  /** `account`: whom a uid is counted against, for tests. */
  constructor(most: number, mostPerUid: number, account = accountOf) {
    this.#accountOf = account;
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
    const account = this.#accountOf(uid);
    const own = this.#byAccount.get(account) ?? 0;
    if (own >= this.#mostPerUid) return 'pending-limit-uid';
    this.#all += 1;
    this.#byAccount.set(account, own + 1);
    return undefined;
  }

  leave(uid: Uid): void {
    this.#all -= 1;
    const account = this.#accountOf(uid);
    const own = (this.#byAccount.get(account) ?? 1) - 1;
    if (own === 0) this.#byAccount.delete(account);
    else this.#byAccount.set(account, own);
  }
}
