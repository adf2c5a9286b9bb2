import type { Fd, MessageLimits, Uid } from '@portcullis/core';
import { accountOf } from '@portcullis/core/platform';
import type { Capabilities } from '../capabilities.js';
import { SOCK_CLOEXEC, SOCK_NONBLOCK } from '../ffi/constants.js';
import { EAGAIN, ECONNABORTED, EINTR, SysFailure } from '../ffi/errno.js';
import { closeFd } from '../ffi/file.js';
import { libc } from '../ffi/libc.js';
import { countHeld } from '../held-descriptors.js';
import { readiness, type Watch } from '../readiness/readiness.js';
import { Connector } from './connector.js';
import { MessageReader, type ReaderParts } from './message-reader.js';
import { nameSendersOnly } from './passing.js';
import type { Turn } from './turns.js';

/** A process without descriptors can accept nothing, and its socket stays readable: it waits for some to be closed. */
const TRY_AGAIN_MS = 1000;

/** Accepts seqpacket connections, and has each read. Owns the listening descriptor. */
export class MessageAcceptor implements Turn {
  readonly #fd: Fd;
  readonly #parts: ReaderParts;
  readonly #capabilities: Capabilities;
  readonly #limits: MessageLimits;
  readonly #watch: Watch;
  readonly #readers = new Set<MessageReader>();
  readonly #byUid = new Map<number, number>();
  #open = true;

  /** Throws `PLATFORM_SYSTEM`; the descriptor is then the caller's still. */
  constructor(fd: Fd, parts: ReaderParts, limits: MessageLimits, capabilities: Capabilities) {
    this.#fd = fd;
    this.#parts = parts;
    this.#limits = limits;
    this.#capabilities = capabilities;
    const failed = (error: unknown): void => {
      parts.listener.failed(error);
      this.end();
    };
    this.#watch = readiness().watch(fd, { ready: () => { parts.turns.add(this); }, failed }, { keepsAlive: true });
  }

  takeOne(): boolean {
    if (!this.#open) return false;
    const fd = libc().accept4(this.#fd, null, null, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return this.#failed(new SysFailure(`accept4(${String(this.#fd)})`, libc().errno()));
    try {
      this.#serve(fd as Fd);
    } catch (error) {
      closeFd(fd as Fd);
      this.#parts.listener.failed(error);
    }
    return true;
  }

  /** Also ends every connection. Idempotent. */
  end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#watch.close();
    closeFd(this.#fd);
    for (const reader of this.#readers) reader.end();
  }

  /** Who is one too many is hung up on: its connection says so. */
  #serve(fd: Fd): void {
    // Linux 6.16 and newer take these from the listening socket. Before, what is sent until here names nobody, and is refused.
    const failed = nameSendersOnly(fd, this.#capabilities);
    const connector = failed ?? Connector.of(fd, this.#capabilities);
    if (connector instanceof SysFailure) {
      closeFd(fd);
      this.#parts.listener.failed(connector);
      return;
    }
    const uid = accountOf(connector.uid as Uid);
    const own = this.#byUid.get(uid) ?? 0;
    if (this.#readers.size >= this.#limits.maxConnections || own >= this.#limits.maxConnectionsPerUid) {
      closeFd(fd);
      return;
    }
    const reader = new MessageReader(fd, this.#parts, connector, () => { this.#left(reader, uid); });
    this.#readers.add(reader);
    countHeld(1); // what the gates of this process have room for is less by it
    this.#byUid.set(uid, own + 1);
  }

  #left(reader: MessageReader, uid: number): void {
    this.#readers.delete(reader);
    countHeld(-1);
    const own = (this.#byUid.get(uid) ?? 1) - 1;
    if (own === 0) this.#byUid.delete(uid);
    else this.#byUid.set(uid, own);
  }

  #failed(failure: SysFailure): boolean {
    if (failure.errno === ECONNABORTED || failure.errno === EINTR) return true;
    if (failure.errno === EAGAIN) this.#arm();
    else {
      this.#parts.listener.failed(failure);
      setTimeout(() => { this.#arm(); }, TRY_AGAIN_MS).unref();
    }
    return false;
  }

  #arm(): void {
    if (!this.#open) return;
    try {
      this.#watch.arm();
    } catch (error) {
      this.#parts.listener.failed(error);
      this.end();
    }
  }
}
