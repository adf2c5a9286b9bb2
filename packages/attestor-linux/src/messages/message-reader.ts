import type { Fd, MessageListener } from '@portcullis/core';
import { closeReceived, parseControl } from '../ffi/cmsg.js';
import { MSG_CMSG_CLOEXEC, MSG_DONTWAIT, MSG_TRUNC } from '../ffi/constants.js';
import { EAGAIN, SysFailure } from '../ffi/errno.js';
import { closeFd } from '../ffi/file.js';
import type { MessageMemory } from '../ffi/recvmsg.js';
import { readiness, type Watch } from '../readiness/readiness.js';
import { LinuxArrival, type MessageConnection } from './arrival.js';
import type { Connector } from './connector.js';
import type { Turn, Turns } from './turns.js';

/** What all readers of one socket share. */
export interface ReaderParts {
  readonly memory: MessageMemory;
  readonly turns: Turns;
  readonly listener: MessageListener;
}

const FLAGS = MSG_DONTWAIT | MSG_CMSG_CLOEXEC;
const NOTHING = new Uint8Array(0);
/** What goes wrong with a datagram socket is not its end; nor shall it make this spin. */
const TRY_AGAIN_MS = 1000;

/** Reads the messages of one datagram socket, or of one seqpacket connection. Owns the descriptor. */
export class MessageReader implements Turn, MessageConnection {
  readonly #fd: Fd;
  readonly #parts: ReaderParts;
  readonly #watch: Watch;
  readonly #connector: Connector | undefined;
  readonly #ended: (() => void) | undefined;
  #open = true;

  /** `connector` and `ended` are a connection's. Throws `PLATFORM_SYSTEM`; the descriptor is then the caller's still. */
  constructor(fd: Fd, parts: ReaderParts, connector?: Connector, ended?: () => void) {
    this.#fd = fd;
    this.#parts = parts;
    this.#connector = connector;
    this.#ended = ended;
    const failed = (error: unknown): void => {
      parts.listener.failed(error);
      this.end();
    };
    this.#watch = readiness().watch(fd, { ready: () => { parts.turns.add(this); }, failed }, { keepsAlive: connector === undefined });
  }

  get connector(): Connector {
    if (this.#connector === undefined) throw new TypeError('a datagram socket has no connector');
    return this.#connector;
  }

  takeOne(): boolean {
    if (!this.#open) return false;
    const { memory, listener } = this.#parts;
    const size = memory.receive(this.#fd, FLAGS);
    if (size instanceof SysFailure) return this.#failed(size);
    // An empty message comes with its sender, the end of a connection with nobody.
    if (size === 0 && memory.controlSize === 0 && this.#connector !== undefined) {
      this.end();
      return false;
    }
    const { flags } = memory;
    const control = parseControl(memory.control, memory.controlSize);
    closeReceived(control, true); // wanted or not
    const bytes = (flags & MSG_TRUNC) === 0 ? memory.data.slice(0, size) : NOTHING;
    listener.arrived(new LinuxArrival(bytes, flags, control, this.#connector === undefined ? undefined : this));
    return true;
  }

  /** Idempotent. */
  end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#watch.close();
    closeFd(this.#fd);
    this.#ended?.();
  }

  #failed(failure: SysFailure): boolean {
    if (failure.errno === EAGAIN) this.#arm();
    else if (this.#connector !== undefined) this.end(); // reset by its connector
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
