import type { Connection, Fd, PeerCredentials, PeerRefusal } from './peer.js';

/** Who is told what a connection sends under `handoff: deny`. None may throw. */
export interface HandoffListener {
  /** Bytes of the connector, in order. False: no more until `HandoffReader.resume`. */
  bytes(bytes: Uint8Array): boolean;
  /** The other side ended its half. Nothing comes after. */
  ended(): void;
  /** Another process sent, or nobody can say who did. None of that was told, and nothing comes after (T9). */
  revoked(refusal: PeerRefusal): void;
  /** The connection broke, or cannot be read. Nothing comes after. */
  failed(error: unknown): void;
}

/** Reads one connection. */
export interface HandoffReader {
  pause(): void;
  resume(): void;
  /** Whether the process stays while this is read, as with a socket; it does unless told. */
  keepAlive(yes: boolean): void;
  /** The connection itself stays its owner's. Idempotent. */
  close(): void;
}

/** Reads admitted stream connections with the sender of everything that comes. Implemented by the platform packages. */
export interface HandoffPort {
  /** What this kernel cannot tell of a sender, as the end of a sentence; undefined where it tells all. */
  readonly weakness: string | undefined;
  /**
   * Has the kernel name senders from now on: of a connection as soon as it was accepted, since bytes that were sent before
   * name nobody and revoke it; of a listening socket too, which Linux 6.16 and newer hand on to what it accepts. Undefined:
   * done; else why not, which shows as text.
   */
  prepare(fd: Fd): { toString(): string } | undefined;
  /**
   * The only reader of the connection from now on: nobody may have read of it, and its socket stays paused. Throws
   * PortcullisError `PLATFORM_SYSTEM` where it cannot be read so.
   */
  read(connection: Connection, credentials: PeerCredentials, listener: HandoffListener): HandoffReader;
}
