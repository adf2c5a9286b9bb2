import type { DescriptorBudget } from './descriptor-budget.js';
import type { Socket } from './gate.js';
import type { Lease } from './lease.js';

/** Longer than this Node's timers cannot wait: they fire at once instead. */
export const LONGEST_TIMER_MS = 0x7fff_ffff;

/**
 * A connection's place among the live ones of a gate, noted on its socket. A Map of sockets is slower by several
 * microseconds each: it is rehashed every few connections, and its old tables keep dead sockets from V8's scavenger.
 */
interface Place {
  readonly of: LiveConnections;
  readonly socket: Socket;
  /** Its place of another gate, whose server handed it to one of this gate. */
  readonly other: Place | undefined;
  /** How the socket ends but for us. */
  readonly destroy: Socket['_destroy'];
  /** Index among the live ones; -1 once it closed. */
  at: number;
  lease: Lease | undefined;
  release: (() => void) | undefined;
}

const PLACE = Symbol('portcullis.place');

interface Placed {
  [PLACE]?: Place;
}

/** The open connections of a gate: admitted, waiting, or reading their refusal. Each has a place in the budget. */
export class LiveConnections {
  /** In no order. */
  readonly #places: Place[] = [];
  readonly #budget: DescriptorBudget | undefined;
  readonly #destroy: Socket['_destroy'];
  /** Those that ended by `destroyAll`. */
  readonly #ended = new WeakSet<Socket>();
  #whenEmpty: (() => void) | undefined;

  constructor(budget: DescriptorBudget | undefined) {
    this.#budget = budget;
    const left = (socket: Socket): Place['destroy'] => this.#left(socket);
    // One function for all sockets: a closure for each would be memory for each. No listener of `close`: an application that
    // hands its socket to another protocol takes all of them away, and what is counted would be counted for good.
    this.#destroy = function (this: Socket, error, done) { left(this).call(this, error, done); };
  }

  get count(): number {
    return this.#places.length;
  }

  /** Counts a connection until it closes; false when the descriptor limit has no place for it. */
  enter(socket: Socket): boolean {
    if (socket.destroyed) return true; // a server handed on what is over already: it would never leave
    const placed = socket as Placed;
    if (this.#placeOf(socket) !== undefined) return true; // a server handed it to another that this gate guards too
    if (this.#budget?.take() === false) return false;
    const place: Place = {
      of: this, socket, other: placed[PLACE], destroy: Reflect.get<Socket, '_destroy'>(socket, '_destroy'), at: this.#places.length, lease: undefined, release: undefined,
    };
    this.#places.push(place);
    placed[PLACE] = place;
    socket._destroy = this.#destroy;
    return true;
  }

  /** `release` is called once, when the connection closes. */
  whenClosed(socket: Socket, release: () => void): void {
    const place = this.#placeOf(socket);
    if (place === undefined) {
      release();
      return;
    }
    const before = place.release; // admitted before by another server of this gate
    place.release = before === undefined ? release : () => { before(); release(); };
  }

  /** The lease ends when the connection closes. */
  leased(socket: Socket, lease: Lease): void {
    const place = this.#placeOf(socket);
    place?.lease?.end(); // admitted again by another gate's server
    if (place === undefined) lease.end();
    else place.lease = lease;
  }

  /** Connections that were admitted, by what was accepted. */
  leases(): readonly (readonly [Socket, Lease])[] {
    return this.#places.flatMap(({ socket, lease }) => (lease === undefined ? [] : [[socket, lease] as const]));
  }

  destroyAll(): void {
    for (const { socket } of [...this.#places]) {
      this.#ended.add(socket);
      socket.destroy();
    }
  }

  /** Whether it was ended by `destroyAll`, and by nobody before. */
  hasEnded(socket: Socket): boolean {
    return this.#ended.has(socket);
  }

  /** Lets connections end by themselves for at most `drainMs`, then ends them. */
  async drain(drainMs: number): Promise<void> {
    if (this.#places.length === 0) return;
    const timer = setTimeout(() => { this.destroyAll(); }, Math.min(drainMs, LONGEST_TIMER_MS));
    await new Promise<void>((resolve) => { this.#whenEmpty = resolve; });
    clearTimeout(timer);
  }

  #placeOf(socket: Socket): Place | undefined {
    const place = this.#anyPlaceOf(socket);
    return place === undefined || place.at < 0 ? undefined : place;
  }

  #anyPlaceOf(socket: Socket): Place | undefined {
    let place = (socket as Placed)[PLACE];
    while (place !== undefined && place.of !== this) place = place.other;
    return place;
  }

  /** Gives back all that it has here. Returns how it ends but for us. */
  #left(socket: Socket): Place['destroy'] {
    const place = this.#anyPlaceOf(socket);
    if (place === undefined) throw new TypeError('a socket without a place was given a place\'s end');
    if (place.at < 0) return place.destroy;
    const last = this.#places.pop();
    if (last !== undefined && last !== place) {
      this.#places[place.at] = last;
      last.at = place.at;
    }
    place.at = -1;
    this.#budget?.give();
    place.release?.();
    place.release = undefined;
    place.lease?.end();
    place.lease = undefined;
    if (this.#places.length === 0) this.#whenEmpty?.();
    return place.destroy;
  }
}
