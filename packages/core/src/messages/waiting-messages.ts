import type { RefusalCode } from '../decision.js';
import type { DescriptorBudget } from '../descriptor-budget.js';
import type { Uid } from '../peer.js';
import type { PendingAdmissions } from '../pending.js';

/** Messages whose decision is awaited, and those that came after one of them from the same sender. Bounded (T20). */
export class WaitingMessages {
  readonly #pending: PendingAdmissions;
  readonly #budget: DescriptorBudget | undefined;
  readonly #last = new Map<unknown, Promise<void>>();

  constructor(pending: PendingAdmissions, budget: DescriptorBudget | undefined) {
    this.#pending = pending;
    this.#budget = budget;
  }

  get count(): number {
    return this.#pending.count;
  }

  /** Why one more of this uid may not wait; undefined: it was counted, and must `leave`. */
  enter(uid: Uid): RefusalCode | undefined {
    const full = this.#pending.enter(uid);
    if (full !== undefined || this.#budget?.take() !== false) return full;
    this.#pending.leave(uid);
    return 'descriptor-limit';
  }

  leave(uid: Uid): void {
    this.#pending.leave(uid);
    this.#budget?.give();
  }

  /** What the next message of this sequence has to wait for. */
  before(sequence: unknown): Promise<void> | undefined {
    return this.#last.get(sequence);
  }

  /** `work`, which never rejects, is the last of its sequence by now. */
  follow(sequence: unknown, work: Promise<void>): void {
    const last: Promise<void> = work.then(() => {
      if (this.#last.get(sequence) === last) this.#last.delete(sequence);
    });
    this.#last.set(sequence, last);
  }

  /** Resolves once none waits any more. */
  async settled(): Promise<void> {
    while (this.#last.size > 0) await Promise.all(this.#last.values());
  }
}
