import type { RefusalCode } from './decision.js';
import type { DescriptorUse } from './descriptor-budget.js';
import type { TrustTier } from './tiers.js';

declare const brand: unique symbol;
type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** A process id as the kernel sees it from our pid namespace. */
export type Pid = Brand<number, 'Pid'>;
export type Uid = Brand<number, 'Uid'>;
export type Gid = Brand<number, 'Gid'>;
/** A descriptor of this process. */
export type Fd = Brand<number, 'Fd'>;

/**
 * How firmly a peer is held. `unpinned`: nothing needed it yet. `peer-pidfd`: SO_PEERPIDFD, taken by the kernel from the
 * connection itself. `pidfd-open`: pidfd_open(2) on the credential's pid, start time compared before and after; weaker,
 * since a pid reused before the accept is only caught by its credentials. `socket-holder`: the one process that was seen
 * to hold the client's end of a loopback TCP connection; the weakest, since others may hold it unseen.
 */
export type PinStrength = 'unpinned' | 'peer-pidfd' | 'pidfd-open' | 'socket-holder' | 'audit-token';

/**
 * Frozen by the kernel when the connection was made. `pid` is 0 where the peer lives in a pid namespace we cannot see, and
 * of a TCP connection until a process was found; there `gid` is not known, and `uid` is that of who made the socket.
 */
export interface PeerCredentials {
  readonly pid: Pid;
  readonly uid: Uid;
  readonly gid: Gid | undefined;
}

/** An outcome that an honest peer can cause, as opposed to a defect, which throws. */
export interface PeerRefusal {
  readonly refused: RefusalCode;
  /** The system call as called and its errno, or what was seen. */
  readonly detail: string;
  /** As far as they were read, for the record. */
  readonly credentials?: PeerCredentials;
}

/**
 * The process at the other end, from first look to last use. The engine opens it, hands it to attestors, verifies it
 * after the last look, and closes it when the record is written. Attestors never keep it.
 */
export interface Peer {
  readonly credentials: PeerCredentials;
  readonly pin: PinStrength;
  /** The most that anything said of this peer is worth, whoever says it; undefined: what the catalogues promise. */
  readonly ceiling?: TrustTier;
  /**
   * After the last look: is it still the same process and the same program image? Synchronous, may be called again;
   * undefined is yes. A peer that nobody pinned has nothing to verify (I3).
   */
  verify(): PeerRefusal | undefined;
  /**
   * Holds on to the process beyond `close`, for as long as its connection lives. `image`: to the program image too, where
   * one was looked at. Called once, of a peer that was verified and is not closed.
   */
  hold(what: { readonly image: boolean }): HeldPeer;
  /** Releases every descriptor. Idempotent. */
  close(): void;
}

/** The peer of an admitted connection. What it costs while nothing happens is memory, and descriptors shared by process. */
export interface HeldPeer {
  /**
   * Pins the process where nothing did before, and calls `onExit` once, in a later turn, when it exits. Called once.
   * Throws when it cannot be watched.
   */
  watch(onExit: () => void): void;
  /** Whether it still is the same process and, where its image is held, the same program image: now, nothing remembered. */
  verify(): PeerRefusal | undefined;
  /** Whether some process still holds the other end of the connection. */
  isConnectionHeld(): boolean;
  /** Releases every descriptor, and forgets `onExit`. Idempotent. */
  close(): void;
}

/**
 * An accepted socket. Ask for the descriptor each time: once the socket is closed it is undefined, while its number may
 * already belong to another connection.
 */
export interface Connection {
  readonly fd: Fd | undefined;
  /**
   * The listening server that the kernel accepted it from: connections of one origin are sockets of one domain and type.
   * Undefined where the socket came another way.
   */
  readonly origin: object | undefined;
}

/** What a listener is made of: a Unix socket, or a TCP port of a loopback address. */
export type Transport = 'unix' | 'tcp';

/** Makes peers from connections. One a gate, chosen by platform. */
export interface PeerSource {
  readonly name: string;
  /** Whose connections it can tell apart: those of Unix sockets, unless it says otherwise. */
  readonly transport?: Transport;
  /**
   * Reads what is frozen at connect, and nothing more. Called once a connection; the descriptor stays the caller's.
   * Returns a refusal for whatever a peer can cause; throws only for a defect.
   */
  open(connection: Connection): Peer | PeerRefusal;
  /** How many descriptors this process may have and has, where the platform says so. */
  descriptorUse?(): DescriptorUse | undefined;
  /** How many descriptors its peers hold, and will hold when leases that were given begin. Cheap: asked for every connection. */
  heldDescriptors?(): number;
}

export function isRefusal(result: Peer | PeerRefusal): result is PeerRefusal {
  return 'refused' in result;
}
