import type { Uid } from '@portcullis/core';

/** Of the event loop's time, what long looks at one user's processes may take in the long run. */
const SHARE = 0.1;
/** And before that counts. */
const BURST_MS = 1_000;
const MOST_USERS = 4096;

interface Spent {
  ms: number;
  atMs: number;
}

/**
 * What long looks have cost, by user. Each was as long as there was much to look at, and nobody held it up: many of them are as good
 * as one that is (T20).
 */
export class LookTime {
  readonly #spent = new Map<Uid, Spent>();

  /** What a user has spent, in ms, where that is too much. */
  excess(account: Uid, nowMs: number): number | undefined {
    const spent = this.#spent.get(account);
    if (spent === undefined) return undefined;
    const ms = left(spent, nowMs);
    if (ms <= 0) this.#spent.delete(account);
    return ms > BURST_MS ? ms : undefined;
  }

  spend(account: Uid, ms: number, nowMs: number): void {
    const spent = this.#spent.get(account);
    if (spent === undefined && this.#spent.size >= MOST_USERS) this.#spent.clear();
    this.#spent.set(account, { ms: ms + (spent === undefined ? 0 : Math.max(0, left(spent, nowMs))), atMs: nowMs });
  }
}

function left({ ms, atMs }: Spent, nowMs: number): number {
  return ms - (nowMs - atMs) * SHARE;
}
