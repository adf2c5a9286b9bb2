import { createServer, type Server, type Socket } from 'node:net';
import { admissionOf, type AdmittedPeer } from '@portcullis/core';
import { timeNow, type UpstreamEvent } from '../records/gateway-event.js';
import { proxy } from './proxy.js';
import { formatUpstream, type Upstream } from './upstream.js';

/** The server behind a gate: every socket that it sees was admitted, and is passed on (I1). */
export class Connections {
  readonly server: Server;
  readonly #listener: string;
  readonly #upstream: Upstream;
  readonly #report: (event: UpstreamEvent) => void;
  /** Upstream sockets: a client that is gone may leave one that still flushes. */
  readonly #upstreams = new Set<Socket>();

  constructor(listener: string, upstream: Upstream, report: (event: UpstreamEvent) => void) {
    this.#listener = listener;
    this.#upstream = upstream;
    this.#report = report;
    // Paused, so that the gate leaves the first read to the pipe.
    this.server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => { this.#pass(client); });
  }

  /** Ends all upstream connections now. */
  destroy(): void {
    for (const socket of this.#upstreams) socket.destroy();
  }

  #pass(client: Socket): void {
    const { peer } = admissionOf(client);
    const socket = proxy(client, this.#upstream, (failure) => {
      // A client that breaks off is its own affair, and would fill the log.
      if (failure.where !== 'client') this.#report(this.#event(failure.where, failure.error, peer));
    });
    this.#upstreams.add(socket);
    socket.on('close', () => { this.#upstreams.delete(socket); });
  }

  #event(cause: UpstreamEvent['cause'], error: Error, peer: AdmittedPeer | undefined): UpstreamEvent {
    return {
      event: 'upstream', time: timeNow(), listener: this.#listener, cause, upstream: formatUpstream(this.#upstream),
      error: error.message === '' ? 'unknown error' : error.message,
      ...(peer === undefined ? {} : { peer: { pid: peer.pid, uid: peer.uid, ...(peer.gid !== undefined && { gid: peer.gid }) } }),
    };
  }
}
