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
  readonly capacity: number;
  #taken = 0;

  /** `perConnection` counts the socket itself, the peer's descriptors while it is attested, and what the application opens. */
  constructor(use: DescriptorUse, perConnection: number) {
    this.capacity = Math.max(0, Math.floor((use.limit - use.used - RESERVE) / perConnection));
  }

  get taken(): number {
    return this.#taken;
  }

  /** Takes a place; false when there is none. */
  take(): boolean {
    if (this.#taken >= this.capacity) return false;
    this.#taken += 1;
    return true;
  }

  give(): void {
    this.#taken -= 1;
  }
}

/** The socket itself, and what a peer holds while it is attested. */
const PER_CONNECTION = 3;

let shared: DescriptorBudget | undefined;

/** The budget that the gates of this process share unless they are given one; undefined where the platform cannot tell. */
export function processBudget(source: { descriptorUse?(): DescriptorUse | undefined }): DescriptorBudget | undefined {
  const use = source.descriptorUse?.();
  return (shared ??= use && new DescriptorBudget(use, PER_CONNECTION));
}
