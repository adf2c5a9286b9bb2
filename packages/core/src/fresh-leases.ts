import type { Lease } from './lease.js';

/**
 * A lease begins when it is between one and two of these old. A connection that closes before that never costs a look at
 * its peer: what the kernel froze at connect can be asked for later just as well.
 */
const WINDOW_MS = 5;
/** Leases that begin in one turn of the event loop, so that a flood of admissions does not hold it up. */
const MOST_A_TURN = 256;

/** Leases that have not begun, in the order of their admissions. One that ends leaves its place empty, and is not kept alive by it. */
export type LeaseQueue = (Lease | undefined)[];

/** Begins leases a moment after their connections were admitted, if they are still there. */
export class FreshLeases {
  readonly #begin: (lease: Lease) => void;
  #young: LeaseQueue = [];
  #old: LeaseQueue = [];

  constructor(begin: (lease: Lease) => void) {
    this.#begin = begin;
  }

  add(lease: Lease): void {
    const idle = this.#young.length + this.#old.length === 0;
    lease.waitIn(this.#young);
    if (idle) this.#later();
  }

  #later(): void {
    setTimeout(() => { this.#beginSome(this.#old, 0); }, WINDOW_MS).unref();
  }

  #beginSome(queue: LeaseQueue, from: number): void {
    const to = Math.min(from + MOST_A_TURN, queue.length);
    for (let at = from; at < to; at += 1) {
      const lease = queue[at];
      if (lease === undefined) continue;
      lease.leaveQueue();
      this.#begin(lease);
    }
    if (to < queue.length) {
      setImmediate(() => { this.#beginSome(queue, to); });
      return;
    }
    this.#old = this.#young;
    this.#young = [];
    if (this.#old.length > 0) this.#later();
  }
}
