import type { DescriptorBudget } from './descriptor-budget.js';
import type { Socket } from './gate.js';

/** Longer than this Node's timers cannot wait: they fire at once instead. */
export const LONGEST_TIMER_MS = 0x7fff_ffff;

/** The open connections of a gate: admitted, waiting, or reading their refusal. Each has a place in the budget. */
export class LiveConnections {
  readonly #sockets = new Set<Socket>();
  readonly #budget: DescriptorBudget | undefined;
  readonly #onClose: (this: Socket) => void;
  #whenEmpty: (() => void) | undefined;

  constructor(budget: DescriptorBudget | undefined) {
    this.#budget = budget;
    const left = (socket: Socket): void => { this.#left(socket); };
    // One function for all sockets: a closure for each would be memory for each.
    this.#onClose = function () { left(this); };
  }

  get count(): number {
    return this.#sockets.size;
  }

  /** Counts a connection until it closes; false when the descriptor limit has no place for it. */
  enter(socket: Socket): boolean {
    if (this.#sockets.has(socket)) return true; // a server handed it to another that this gate guards too
    if (this.#budget?.take() === false) return false;
    this.#sockets.add(socket);
    socket.on('close', this.#onClose);
    return true;
  }

  destroyAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Lets connections end by themselves for at most `drainMs`, then ends them. */
  async drain(drainMs: number): Promise<void> {
    if (this.#sockets.size === 0) return;
    const timer = setTimeout(() => { this.destroyAll(); }, Math.min(drainMs, LONGEST_TIMER_MS));
    await new Promise<void>((resolve) => { this.#whenEmpty = resolve; });
    clearTimeout(timer);
  }

  #left(socket: Socket): void {
    if (!this.#sockets.delete(socket)) return;
    this.#budget?.give();
    if (this.#sockets.size === 0) this.#whenEmpty?.();
  }
}
