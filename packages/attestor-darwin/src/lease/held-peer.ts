import { PortcullisError, type Connection, type HeldPeer, type PeerCredentials, type PeerRefusal } from '@portcullis/core';
import { SysFailure } from '../ffi/errno.js';
import type { UniqueIdentifiers } from '../ffi/layout.js';
import type { Libc } from '../ffi/libc.js';
import { getUniqueIdentifiers } from '../ffi/libproc.js';
import { getPeerPid } from '../ffi/sockopt.js';
import { exitWatch, type OnExit } from './exit-watch.js';

/**
 * What is left of a peer while its connection lives: the process by its unique id, which no other ever has, and its image
 * by the pid version. Neither needs a descriptor. That it is the last user of the socket is not asked again: a child
 * that shares the connection is no reason to end it (T9 on Linux).
 */
export class DarwinHeldPeer implements HeldPeer {
  readonly #libc: Libc;
  readonly #connection: Connection;
  readonly #credentials: PeerCredentials;
  /** As it was when the peer was held. */
  readonly #was: UniqueIdentifiers | SysFailure;
  /** The pid version that the image has; undefined where the image is not held. */
  readonly #image: number | undefined;
  #onExit: OnExit | undefined;
  #closed = false;

  constructor(libc: Libc, connection: Connection, credentials: PeerCredentials, image: number | undefined) {
    this.#libc = libc;
    this.#connection = connection;
    this.#credentials = credentials;
    this.#image = image;
    this.#was = getUniqueIdentifiers(libc, credentials.pid);
  }

  watch(onExit: () => void): void {
    if (this.#was instanceof SysFailure && !this.#was.is('ESRCH')) throw new PortcullisError('LEASE_WATCH', `the peer cannot be held: ${this.#was.toString()}`);
    this.#onExit = () => { if (!this.#closed) onExit(); }; // one of its own, for the set of watchers
    exitWatch(this.#libc).watch(this.#credentials.pid, this.#onExit);
    // after the watch began: a pid that was taken over before it fails here (T1)
    if (this.verify()?.refused === 'peer-exited') queueMicrotask(() => { this.#told(); });
  }

  verify(): PeerRefusal | undefined {
    if (this.#closed) return { refused: 'lease-ended', detail: 'the connection has closed' };
    const credentials = this.#credentials;
    const was = this.#was;
    const now = getUniqueIdentifiers(this.#libc, credentials.pid);
    if (was instanceof SysFailure || now instanceof SysFailure) {
      const failed = was instanceof SysFailure ? was : (now as SysFailure);
      return { refused: failed.is('ESRCH') ? 'peer-exited' : 'pin-failed', detail: failed.toString(), credentials };
    }
    if (now.uniqueId !== was.uniqueId) return { refused: 'peer-exited', detail: 'the process has exited, and another one has its pid', credentials };
    if (this.#image === undefined || now.idVersion === this.#image) return undefined;
    return { refused: 'peer-changed', detail: `the pid version went from ${String(this.#image)} to ${String(now.idVersion)}: the process ran another program`, credentials };
  }

  isConnectionHeld(): boolean {
    const { fd } = this.#connection;
    if (fd === undefined) return false;
    // ENOTCONN once the last descriptor of the other end was closed; any other failure proves nothing
    const pid = getPeerPid(this.#libc, fd);
    return !(pid instanceof SysFailure && pid.is('ENOTCONN'));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#unwatch();
  }

  #told(): void {
    const onExit = this.#onExit;
    this.#unwatch();
    onExit?.();
  }

  #unwatch(): void {
    if (this.#onExit !== undefined) exitWatch(this.#libc).unwatch(this.#credentials.pid, this.#onExit);
    this.#onExit = undefined;
  }
}
