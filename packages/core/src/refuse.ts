import type { DescriptorBudget } from './descriptor-budget.js';
import type { Socket } from './gate.js';
import type { LiveConnections } from './live.js';

/** How a refused peer is told: a closed connection, or an answer in its protocol that the gate writes itself. */
export type RefusalStyle = 'close' | 'http';

const FORBIDDEN = 'connection refused by policy\n';
const HTTP_403 = Buffer.from(
  `HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nContent-Length: ${String(FORBIDDEN.length)}\r\nConnection: close\r\n\r\n${FORBIDDEN}`,
);

/** How long a refused peer may take to read its refusal, and how much of what it sends is thrown away meanwhile. */
const LINGER_MS = 1000;
const LINGER_BYTES = 1 << 20;

const MOST_LINGERING = 1024;

/** The refused peers of a gate that may still read their answer: a small share of the budget, which is for the admitted (T20). */
export class Lingering {
  readonly #most: number;
  readonly #live: LiveConnections;
  #count = 0;

  constructor(budget: DescriptorBudget | undefined, live: LiveConnections) {
    this.#live = live;
    const places = budget?.capacity;
    this.#most = places === undefined ? MOST_LINGERING : Math.floor(Math.min(Math.max(16, places / 20), places / 2));
  }

  /** Counts a socket until it closes; false where too many linger. */
  enter(socket: Socket): boolean {
    if (this.#count >= this.#most) return false;
    this.#count += 1;
    this.#live.whenClosed(socket, () => { this.#count -= 1; });
    return true;
  }
}

/**
 * Closes a refused connection. With `http`, the answer is written first, and what the peer sends is discarded until it
 * hangs up, unless too many linger already: a Unix socket that is closed with unread bytes resets the peer before it could read. Nothing reaches the
 * application either way (I1).
 */
export function refuse(socket: Socket, style: RefusalStyle, lingering: Lingering): void {
  if (style === 'close' || socket.destroyed || !lingering.enter(socket)) {
    socket.destroy();
    return;
  }
  let discarded = 0;
  const timer = setTimeout(() => { socket.destroy(); }, LINGER_MS);
  socket.on('error', () => { socket.destroy(); });
  socket.on('close', () => { clearTimeout(timer); });
  socket.on('end', () => { socket.destroy(); });
  socket.on('data', (bytes) => {
    discarded += bytes.length;
    if (discarded > LINGER_BYTES) socket.destroy();
  });
  socket.end(HTTP_403);
  socket.resume();
}
