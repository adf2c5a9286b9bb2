import type { Fd, Peer, PeerRefusal } from './peer.js';

/** Verified connect, implemented by the platform packages. Nothing here waits, and nothing but `sendPeer` sends a byte. */
export interface ConnectPort {
  /**
   * Connects a stream socket to an absolute path. Undefined where the server's queue is full: ask again later. The
   * descriptor is the caller's to close. @throws PortcullisError `CONNECT_OPTIONS`, `CONNECT_SYSTEM`
   */
  connect(path: string): Fd | undefined;
  /**
   * What a peer source does not look at: whether this is a connection and no listener, and whether another process than
   * the one that called `listen()` must be serving it. Called once, after the policy was asked. Undefined: nothing speaks
   * against it, which does not prove that the maker of the listener serves it.
   */
  examine(fd: Fd): PeerRefusal | undefined;
  /**
   * Sends bytes to a server that was verified, with a descriptor of a peer's pinned process beside the first: how many of
   * them went out. Undefined where nothing did: this peer cannot be handed on, or not now. Left out by a platform that has no
   * such descriptors.
   */
  sendPeer?(fd: Fd, bytes: Uint8Array, peer: Peer): number | undefined;
}
