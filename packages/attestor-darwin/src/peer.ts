import { unknown, type Connection, type Gid, type Peer, type PeerCredentials, type PeerRefusal, type PinStrength, type Unknown } from '@portcullis/core';
import { tokenChange } from './contradiction.js';
import type { Signed } from './ffi/csops.js';
import type { Xucred } from './ffi/layout.js';
import type { Libc } from './ffi/libc.js';
import { DarwinHeldPeer } from './lease/held-peer.js';
import { pinPeer, readToken, type Pin } from './pin.js';

/**
 * The peer of one AF_UNIX connection. Its ids are frozen at connect; its pid is that of the last process which used the
 * socket when the peer was opened (T23). The pin is taken when first needed.
 */
export class DarwinPeer implements Peer {
  readonly credentials: UnixCredentials;
  readonly connection: Connection;
  /** LOCAL_PEERCRED, with the groups. */
  readonly frozen: Xucred;
  readonly libc: Libc;
  #pin: Pin | PeerRefusal | undefined;
  #closed = false;

  constructor(libc: Libc, connection: Connection, credentials: UnixCredentials, frozen: Xucred) {
    this.libc = libc;
    this.connection = connection;
    this.credentials = credentials;
    this.frozen = frozen;
  }

  get pin(): PinStrength {
    return this.#pin !== undefined && 'token' in this.#pin ? 'audit-token' : 'unpinned';
  }

  /** I3: before any look at the process. An unknown means that nothing may be asked of it, and `verify` will refuse the peer. */
  held(): Pin | Unknown {
    if (this.#closed) throw new Error('the peer was used after it was closed');
    const pin = (this.#pin ??= pinPeer(this.libc, this.connection.fd, this.credentials));
    if ('token' in pin) return pin;
    return unknown(pin.refused === 'peer-exited' || pin.refused === 'peer-changed' ? pin.refused : 'system-error', pin.detail);
  }

  /** The pinned process, as csops wants it. */
  signed(): Signed | Unknown {
    const pin = this.held();
    return 'token' in pin ? { libc: this.libc, pid: pin.fields.pid, token: pin.token } : pin;
  }

  verify(): PeerRefusal | undefined {
    const pin = this.#pin;
    if (pin === undefined) return undefined;
    if (!('token' in pin)) return pin;
    // After the last look: a reused pid (T1), an exec (T2) or another user of the socket (T23) has another token.
    const now = readToken(this.libc, this.connection.fd, this.credentials);
    return 'refused' in now ? now : tokenChange(this.credentials, pin.fields, now.fields);
  }

  /** `image`: the image that was pinned, where one was. */
  hold({ image }: { readonly image: boolean }): DarwinHeldPeer {
    const pin = this.#pin;
    const pidVersion = image && pin !== undefined && 'token' in pin ? pin.fields.pidVersion : undefined;
    return new DarwinHeldPeer(this.libc, this.connection, this.credentials, pidVersion);
  }

  close(): void {
    this.#closed = true;
  }
}

/** A Unix socket's peer has a group. */
export type UnixCredentials = PeerCredentials & { readonly gid: Gid };
