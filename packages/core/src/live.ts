import type { DescriptorBudget } from './descriptor-budget.js';
import type { Socket } from './gate.js';
import type { Lease } from './lease.js';

/** Longer than this Node's timers cannot wait: they fire at once instead. */
export const LONGEST_TIMER_MS = 0x7fff_ffff;

/** The open connections of a gate: admitted, waiting, or reading their refusal. Each has a place in the budget. */
export class LiveConnections {
  readonly #sockets = new Map<Socket, Lease | undefined>();
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
    this.#sockets.set(socket, undefined);
    socket.on('close', this.#onClose);
    return true;
  }

  /** The lease ends when the connection closes. */
  leased(socket: Socket, lease: Lease): void {
    this.#sockets.get(socket)?.end(); // admitted again by another gate's server
    if (this.#sockets.has(socket)) this.#sockets.set(socket, lease);
    else lease.end();
  }

  /** Connections that were admitted, by what was accepted. */
  leases(): readonly (readonly [Socket, Lease])[] {
    return [...this.#sockets].filter((one): one is [Socket, Lease] => one[1] !== undefined);
  }

  destroyAll(): void {
    for (const socket of this.#sockets.keys()) socket.destroy();
  }

  /** Lets connections end by themselves for at most `drainMs`, then ends them. */
  async drain(drainMs: number): Promise<void> {
    if (this.#sockets.size === 0) return;
    const timer = setTimeout(() => { this.destroyAll(); }, Math.min(drainMs, LONGEST_TIMER_MS));
    await new Promise<void>((resolve) => { this.#whenEmpty = resolve; });
    clearTimeout(timer);
  }

  #left(socket: Socket): void {
    const lease = this.#sockets.get(socket);
    if (!this.#sockets.delete(socket)) return;
    lease?.end();
    this.#budget?.give();
    if (this.#sockets.size === 0) this.#whenEmpty?.();
  }
}
