/** What a platform says of this process's descriptors. */
export interface DescriptorUse {
  readonly limit: number;
  readonly used: number;
}

/** Kept free for the application's files, logs and upstreams. */
const RESERVE = 64;

/**
 * How many connections the descriptor limit allows, counted so that the next one is refused by name instead of running
 * into EMFILE (T20). Several gates of one process share one budget.
 */
export class DescriptorBudget {
  /** Places where no peer holds a descriptor of its own: the most there can be. */
  readonly capacity: number;
  readonly #room: number;
  readonly #perConnection: number;
  readonly #held: () => number;
  #taken = 0;
  #more = 0;

  /**
   * `perConnection` counts the socket itself and what the application opens for it; `held`, what peers hold at the moment:
   * connections of one process share a pidfd and a program image, so it cannot be told by their number.
   */
  constructor(use: DescriptorUse, perConnection: number, held: () => number = () => 0) {
    this.#room = Math.max(0, use.limit - use.used - RESERVE);
    this.#perConnection = perConnection;
    this.#held = held;
    this.capacity = Math.floor(this.#room / perConnection);
  }

  get taken(): number {
    return this.#taken;
  }

  /** Takes a place; false when there is none. */
  take(): boolean {
    if (!this.#hasRoom(this.#perConnection)) return false;
    this.#taken += 1;
    return true;
  }

  /** Descriptors that a connection needs beside those of its place; false when there are none. */
  takeMore(descriptors: number): boolean {
    if (!this.#hasRoom(descriptors)) return false;
    this.#more += descriptors;
    return true;
  }

  giveMore(descriptors: number): void {
    this.#more -= descriptors;
  }

  give(): void {
    this.#taken -= 1;
  }

  #hasRoom(descriptors: number): boolean {
    return this.#taken * this.#perConnection + this.#more + descriptors + this.#held() <= this.#room;
  }
}

let shared: DescriptorBudget | undefined;

/** The budget that the gates of this process share unless they are given one; undefined where the platform cannot tell. */
export function processBudget(source: DescriptorSource): DescriptorBudget | undefined {
  return (shared ??= budgetOf(source, 1));
}

/** A budget for connections that need so many descriptors each, beside what their peers hold. */
export function budgetOf(source: DescriptorSource, perConnection: number): DescriptorBudget | undefined {
  const use = source.descriptorUse?.();
  return use && new DescriptorBudget(use, perConnection, () => source.heldDescriptors?.() ?? 0);
}

/** The part of a peer source that is asked. */
export interface DescriptorSource {
  descriptorUse?(): DescriptorUse | undefined;
  heldDescriptors?(): number;
}
