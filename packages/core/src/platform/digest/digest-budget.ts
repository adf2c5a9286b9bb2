/** In this time a budget that was spent is whole again. */
export const BUDGET_MS = 60_000;
/** Users whose spending is remembered before those with a whole budget are forgotten. */
const MOST_USERS = 1024;

/** What one user has spent, as it was at a time. */
interface Spent {
  bytes: number;
  atMs: number;
}

/**
 * How many bytes are read for the peers of one user: a store that fills up again steadily, the whole of it in a minute.
 * Who presents one large file after the other is soon told that a limit was reached, and the thread is the others' (T17).
 */
export class DigestBudget {
  readonly #most: number;
  readonly #spent = new Map<number, Spent>();

  constructor(mostBytesPerUid: number) {
    this.#most = mostBytesPerUid;
  }

  /** Takes so many bytes of a user's budget; false, and nothing taken, where they are not left. */
  take(uid: number, bytes: number, nowMs: number): boolean {
    const spent = this.#of(uid, nowMs) + bytes;
    if (spent > this.#most) return false;
    if (this.#spent.size >= MOST_USERS && !this.#spent.has(uid)) this.#forgetWhole(nowMs);
    this.#spent.set(uid, { bytes: spent, atMs: nowMs });
    return true;
  }

  /** What was taken and not read after all. */
  giveBack(uid: number, bytes: number, nowMs: number): void {
    this.#spent.set(uid, { bytes: Math.max(0, this.#of(uid, nowMs) - bytes), atMs: nowMs });
  }

  #of(uid: number, nowMs: number): number {
    const spent = this.#spent.get(uid);
    return spent === undefined ? 0 : Math.max(0, spent.bytes - ((nowMs - spent.atMs) * this.#most) / BUDGET_MS);
  }

  #forgetWhole(nowMs: number): void {
    for (const uid of [...this.#spent.keys()]) if (this.#of(uid, nowMs) === 0) this.#spent.delete(uid);
  }
}
