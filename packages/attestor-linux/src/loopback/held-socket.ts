import type { HeldPeer, PeerRefusal } from '@portcullis/core';
import { isStillHeld, type ClientSocket } from './inet-diag.js';

/**
 * The peer of an admitted TCP connection of which no rule looked at a process: bound to its user and to no process, so that
 * there is no exit to watch. It ends with the connection.
 */
export class HeldSocket implements HeldPeer {
  readonly #client: ClientSocket;
  #closed = false;

  constructor(client: ClientSocket) {
    this.#client = client;
  }

  watch(): void {
    // Nobody's exit ends this one.
  }

  verify(): PeerRefusal | undefined {
    if (this.#closed) return { refused: 'lease-ended', detail: 'the connection has closed' };
    return this.isConnectionHeld() ? undefined : { refused: 'peer-exited', detail: 'nobody holds the client\'s socket any more' };
  }

  isConnectionHeld(): boolean {
    return isStillHeld(this.#client);
  }

  close(): void {
    this.#closed = true;
  }
}

/** The process that was seen to hold the client's socket. */
export class HeldHolder implements HeldPeer {
  readonly #process: HeldPeer;
  readonly #client: ClientSocket;

  constructor(process: HeldPeer, client: ClientSocket) {
    this.#process = process;
    this.#client = client;
  }

  watch(onExit: () => void): void {
    this.#process.watch(onExit);
  }

  verify(): PeerRefusal | undefined {
    return this.#process.verify();
  }

  /** Asked of sock_diag: a TCP socket whose other end was closed has not hung up as long as it may still send. */
  isConnectionHeld(): boolean {
    return isStillHeld(this.#client);
  }

  close(): void {
    this.#process.close();
  }
}
