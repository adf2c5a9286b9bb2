import type { Socket } from 'node:net';
import { connectUpstream, type Upstream } from './upstream.js';

/** How long an upstream may take to accept a connection. */
const CONNECT_MS = 10_000;

/** Why an admitted connection ended other than by both sides closing it. */
export interface ProxyFailure {
  /** `connect`: the upstream was never reached. `upstream`, `client`: that side broke the connection. */
  readonly where: 'connect' | 'upstream' | 'client';
  readonly error: Error;
}

/**
 * Passes bytes both ways between an admitted client and the upstream until both have ended. Each direction ends on its
 * own (half-close), and each waits for its slower side (back-pressure). When one side breaks, the other is broken too,
 * with a reset where the protocol has one, so that nobody takes a part for the whole. Both sockets must be half-open ones.
 * Returns the upstream's socket. `failed` is called once at most.
 */
export function proxy(client: Socket, upstream: Upstream, failed: (failure: ProxyFailure) => void): Socket {
  const server = connectUpstream(upstream);
  let connected = false;
  let over = false;
  const fail = (where: ProxyFailure['where'], error: Error): void => {
    client.destroy();
    if ('path' in upstream || !connected) server.destroy();
    else server.resetAndDestroy();
    if (over) return;
    over = true;
    failed({ where, error });
  };
  const timer = setTimeout(() => {
    fail('connect', new Error(`the upstream did not accept within ${String(CONNECT_MS)} ms`));
  }, CONNECT_MS);
  server.once('connect', () => {
    connected = true;
    clearTimeout(timer);
  });
  server.on('error', (error) => { fail(connected ? 'upstream' : 'connect', error); });
  client.on('error', (error) => { fail('client', error); });
  server.on('close', () => {
    clearTimeout(timer);
    if (!isComplete(server)) client.destroy();
  });
  client.on('close', () => {
    // Complete: what is still buffered for the upstream is flushed, and it closes by itself.
    if (isComplete(client)) return;
    over = true;
    server.destroy();
  });
  client.pipe(server);
  server.pipe(client);
  return server;
}

/** Whether both directions of a socket came to their proper end. */
function isComplete(socket: Socket): boolean {
  return socket.readableEnded && socket.writableFinished;
}
