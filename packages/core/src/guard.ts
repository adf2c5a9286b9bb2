import { PortcullisError } from './errors.js';
import type { Server, Socket } from './gate.js';
import type { RefusalStyle } from './refuse.js';

/** Called when a connection came, with nothing of it read; `handOver` gives it to the server's own listeners. */
export type Arrive = (socket: Socket, handOver: (socket: Socket) => void) => void;

const GUARDED = Symbol('portcullis.guarded');

/** The gate that stands before `server`. */
export function guardOf(server: Server): unknown {
  return Reflect.get(server, GUARDED);
}

/**
 * Makes `server` pause every connection it accepts and show it to `arrive` instead of its own listeners (I1).
 * @throws PortcullisError `GATE_GUARDED_TWICE`; `GATE_OPTIONS` where an HTTP refusal would be written before TLS.
 */
export function guardServer(server: Server, gate: object, style: RefusalStyle, arrive: Arrive): void {
  if (guardOf(server) !== undefined) throw new PortcullisError('GATE_GUARDED_TWICE', 'this server is behind a gate already');
  if (style !== 'close' && 'setSecureContext' in server) {
    throw new PortcullisError('GATE_OPTIONS', 'a refusal in HTTP cannot be written before the TLS handshake: use `refusal: close`');
  }
  Object.defineProperty(server, GUARDED, { value: gate });
  const emit = Reflect.get(server, 'emit') as (this: Server, name: string, ...rest: unknown[]) => boolean;
  const wasPaused = Reflect.get(server, 'pauseOnConnect') === true;
  Reflect.set(server, 'pauseOnConnect', true);
  const handOver = (socket: Socket): void => {
    if (!wasPaused) startReading(socket);
    emit.call(server, 'connection', socket);
  };
  const guarded = (name: string, ...rest: unknown[]): boolean => {
    if (name !== 'connection') return emit.call(server, name, ...rest);
    arrive(rest[0] as Socket, handOver);
    return true;
  };
  server.emit = guarded as Server['emit'];
}

/** The server that accepted a socket itself, as Node notes it; a socket that somebody injects has another, or none. */
export function acceptedBy(socket: Socket): object | undefined {
  const { server } = socket as { readonly server?: unknown };
  return typeof server === 'object' && server !== null ? server : undefined;
}

function startReading(socket: Socket): void {
  // As Node leaves a socket that nobody paused: the handle reads, and the stream waits for its first consumer.
  (socket as { readableFlowing: boolean | null }).readableFlowing = null;
  socket.read(0);
}
