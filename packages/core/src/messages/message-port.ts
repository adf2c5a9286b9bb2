import type { BindOptions, BoundSocket } from '../listener.js';
import type { Connection, Fd, PeerCredentials, PeerSource } from '../peer.js';

/** SOCK_DGRAM: anybody who may write to the path sends. SOCK_SEQPACKET: connections, each message whole. */
export type MessageSocketKind = 'datagram' | 'seqpacket';

/**
 * One message as the kernel gave it, and whoever it says sent it. As a `Connection` it is opened by the port's
 * `peerSource`: its peer is the sender.
 */
export interface Arrival extends Connection {
  readonly bytes: Uint8Array;
  /** What the kernel says of the sender; undefined where it says nothing, which `peerSource` refuses. */
  readonly credentials: PeerCredentials | undefined;
  /** How many descriptors came along. They are closed already: none is ever handed on. */
  readonly closedDescriptors: number;
  /** Messages with the same of these are told in the order in which they came. */
  readonly sequence: unknown;
  /** Ends the connection that it came by, where there is one. */
  endConnection(): void;
  /** Lets go of what its sender is held by, unless a peer took that over. Idempotent. */
  close(): void;
}

export interface MessageLimits {
  /** A longer message is refused, and none of it is handed on. */
  readonly maxBytes: number;
  /** Messages read in one turn of the event loop, in all. */
  readonly maxPerTurn: number;
  /** Open seqpacket connections, in all and per uid. */
  readonly maxConnections: number;
  readonly maxConnectionsPerUid: number;
}

/** Who receives from a port. Neither method may throw. */
export interface MessageListener {
  arrived(arrival: Arrival): void;
  /** An accept or a receive failed. The port goes on where it can, and says nothing more where it cannot. */
  failed(error: unknown): void;
}

/** A socket that is received from. */
export interface MessageSocket {
  /** The socket that was made; undefined where it was handed over. */
  readonly bound: BoundSocket | undefined;
  /** Leaves messages where they are, in the kernel: their senders block, or are told EAGAIN. */
  pause(): void;
  resume(): void;
  /** Closes the socket and every connection, and removes the path. Idempotent. */
  close(): void;
}

/** Receives messages with their senders. Implemented by the platform packages. */
export interface MessagePort {
  /** Opens an `Arrival` of this port. */
  readonly peerSource: PeerSource;
  /**
   * Makes a socket safely (T18), or takes over one that was handed to us. Calls `listener` from later turns of the event
   * loop on, until closed. Throws PortcullisError `LISTEN_*`, `PLATFORM_SYSTEM`.
   */
  open(where: BindOptions | { readonly fd: Fd }, kind: MessageSocketKind, limits: MessageLimits, listener: MessageListener): MessageSocket;
}
