import type { Fd } from './peer.js';

/** A rule of the safe listen that a listener may be exempt from, by name. Each use is logged. */
export const LISTEN_EXCEPTIONS = [
  /** The parent folder may be written by its group or by others. */
  'parent-writable',
  /** The parent folder belongs to neither root nor us. */
  'parent-foreign',
  /** An ancestor may be written by others, or belongs to neither root nor us. */
  'ancestor-unsafe',
] as const;

export type ListenException = (typeof LISTEN_EXCEPTIONS)[number];

export interface BindOptions {
  /** Absolute. Only the last component is limited by `sun_path`, since the bind goes through the held folder. */
  readonly path: string;
  /** Permission bits of the socket; 0600 unless told. */
  readonly mode?: number;
  /** Group that the socket is given, as an id. */
  readonly gid?: number;
  readonly backlog?: number;
  readonly exceptions?: readonly ListenException[];
  /**
   * Who sends is named by the kernel from the first connection on, as `handoff: deny` needs it; a gate asks for it by itself.
   * Linux only.
   */
  readonly nameSenders?: boolean;
  /**
   * Descriptors that are sent along are refused by the kernel where it can (Linux 6.16): whoever lets go of one may wait for as
   * long as its sender likes. A gate asks for it by itself.
   */
  readonly refuseDescriptors?: boolean;
}

/** A socket that is bound and listens, made by us. */
export interface BoundSocket {
  /** Ownership passes to whoever serves it; `release` does not close it. */
  readonly fd: Fd;
  /** The real path, after links of the parent folder were followed. */
  readonly path: string;
  /** The exceptions that were needed, for the log. */
  readonly used: readonly ListenException[];
  /** Whether a stale socket was taken over. */
  readonly replacedStale: boolean;
  /** Removes the path if it still leads to the socket we made, and lets go of the folder. Idempotent. */
  release(): void;
}

/** Safe listen (T18), implemented by the platform packages. Throws PortcullisError `LISTEN_*`. */
export interface ListenPort {
  bind(options: BindOptions): BoundSocket;
  /** Checks a descriptor that somebody handed to us: an AF_UNIX stream socket that listens. */
  adopt(fd: Fd): void;
  /** As `BindOptions.refuseDescriptors`, of a socket that somebody else made. What the kernel cannot do is done without. */
  refuseDescriptors?(fd: Fd): void;
}
