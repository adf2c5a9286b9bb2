import type { Connection, Fd } from './peer.js';

/**
 * The descriptor of a socket or listening server. Node has no public way to it; this file is the only reader of the
 * private one (I8). Undefined when it is missing or negative, which every caller treats as a refusal.
 */
export function socketFd(socket: object): Fd | undefined {
  const handle: unknown = '_handle' in socket ? socket._handle : undefined;
  if (typeof handle !== 'object' || handle === null || !('fd' in handle)) return undefined;
  const { fd } = handle;
  return typeof fd === 'number' && Number.isInteger(fd) && fd >= 0 ? (fd as Fd) : undefined;
}

/** The connection of a socket: its descriptor for as long as the socket holds it. */
export class SocketConnection implements Connection {
  readonly origin: object | undefined;
  readonly #socket: object;

  constructor(socket: object, origin: object | undefined) {
    this.#socket = socket;
    this.origin = origin;
  }

  get fd(): Fd | undefined {
    return socketFd(this.#socket);
  }
}
