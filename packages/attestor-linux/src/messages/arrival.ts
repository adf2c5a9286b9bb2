import type { Arrival, Fd, Gid, PeerCredentials, Pid, Uid } from '@portcullis/core';
import type { ControlMessages } from '../ffi/cmsg.js';
import { MSG_CTRUNC, MSG_TRUNC } from '../ffi/constants.js';
import type { SysFailure } from '../ffi/errno.js';
import { closeFd } from '../ffi/file.js';
import type { Connector } from './connector.js';

/** The connection that a message came by. */
export interface MessageConnection {
  readonly connector: Connector;
  end(): void;
}

/** One message. Holds the pidfd of its sender until a peer takes it, or it is closed. */
export class LinuxArrival implements Arrival {
  /** No descriptor: what a connection's socket says of its peer would be said of somebody else. */
  readonly fd = undefined;
  readonly origin = undefined;
  readonly bytes: Uint8Array;
  readonly credentials: PeerCredentials | undefined;
  readonly closedDescriptors: number;
  readonly label: Uint8Array | undefined;
  /** Undefined for a datagram. */
  readonly connection: MessageConnection | undefined;
  readonly malformed: boolean;
  readonly #flags: number;
  #pidfd: Fd | SysFailure | undefined;

  /** `control`'s SCM_RIGHTS are closed by now; its pidfd is taken over. */
  constructor(bytes: Uint8Array, flags: number, control: ControlMessages, connection: MessageConnection | undefined) {
    const { credentials, label, malformed, pidfd, rights } = control;
    this.bytes = bytes;
    this.credentials = credentials && { pid: credentials.pid as Pid, uid: credentials.uid as Uid, gid: credentials.gid as Gid };
    this.closedDescriptors = rights.length;
    this.label = label;
    this.malformed = malformed;
    this.connection = connection;
    this.#flags = flags;
    this.#pidfd = pidfd;
  }

  get sequence(): unknown {
    return this.connection ?? this.credentials?.pid;
  }

  /** The message was longer than its memory. */
  get bytesCut(): boolean {
    return (this.#flags & MSG_TRUNC) !== 0;
  }

  /** Something that the kernel wanted to say had no room, or no descriptor. */
  get controlCut(): boolean {
    return (this.#flags & MSG_CTRUNC) !== 0;
  }

  /** To look at; still held here. */
  get pidfd(): Fd | SysFailure | undefined {
    return this.#pidfd;
  }

  /** The caller's to close from now on. */
  takePidfd(): Fd | SysFailure | undefined {
    const pidfd = this.#pidfd;
    this.#pidfd = undefined;
    return pidfd;
  }

  endConnection(): void {
    this.connection?.end();
  }

  close(): void {
    const pidfd = this.takePidfd();
    if (typeof pidfd === 'number') closeFd(pidfd);
  }
}
