import type { Connection, Fd, HeldPeer, PeerCredentials, PeerRefusal } from '@portcullis/core';
import { PortcullisError } from '@portcullis/core';
import type { Capabilities } from '../capabilities.js';
import { closeFd } from '../ffi/file.js';
import { countHeld } from '../held-descriptors.js';
import { hasExited } from '../ffi/pidfd.js';
import { hasHungUp } from '../ffi/poll.js';
import type { ProgramImage } from '../image/program-image.js';
import { pinPeer, type Pin } from '../pin.js';
import { HeldProcess } from './held-process.js';

/** What is left of a peer while its connection lives. What the kernel froze at connect is asked for when first needed. */
export class LinuxHeldPeer implements HeldPeer {
  readonly #connection: Connection;
  readonly #credentials: PeerCredentials;
  readonly #capabilities: Capabilities;
  readonly #image: ProgramImage | undefined;
  /** Until the process is held. Ours to close. */
  #pin: Pin | PeerRefusal | undefined;
  #process: HeldProcess | undefined;
  #onExit: (() => void) | undefined;
  #closed = false;

  /** Takes over `pin`, which is given where it cannot be taken later, and a use of `image`. */
  constructor(connection: Connection, credentials: PeerCredentials, capabilities: Capabilities, pin: Pin | PeerRefusal | undefined, image: ProgramImage | undefined) {
    this.#connection = connection;
    this.#credentials = credentials;
    this.#capabilities = capabilities;
    this.#pin = pin;
    this.#image = image;
    countHeld(1); // its pidfd, which it will have
  }

  watch(onExit: () => void): void {
    const pin = this.#take();
    if (!('pidfd' in pin)) {
      // Before 6.16 a peer that was reaped cannot be pinned any more: it has exited.
      if (pin.refused !== 'peer-exited') throw new PortcullisError('LEASE_WATCH', `the peer cannot be pinned: ${pin.detail}`);
      queueMicrotask(() => { if (!this.#closed) onExit(); });
      return;
    }
    this.#pin = undefined; // the process's own from here on
    this.#process = HeldProcess.of(pin.pidfd, this.#capabilities.uniquePidfdInodes);
    countHeld(-1); // the process counts for all its connections
    this.#onExit = () => { onExit(); }; // one of its own, for the set of users
    this.#process.use(this.#onExit);
  }

  verify(): PeerRefusal | undefined {
    if (this.#closed) return { refused: 'lease-ended', detail: 'the connection has closed' };
    const credentials = this.#credentials;
    const pidfd = this.#pidfd();
    if (typeof pidfd !== 'number') return pidfd;
    if (hasExited(pidfd)) return { refused: 'peer-exited', detail: 'the process has exited', credentials };
    const changed = this.#image?.changed('now');
    return changed && { refused: changed.refused, detail: changed.detail, credentials };
  }

  isConnectionHeld(): boolean {
    const { fd } = this.#connection;
    return fd !== undefined && !hasHungUp(fd);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#process === undefined) countHeld(-1);
    else if (this.#onExit !== undefined) this.#process.letGo(this.#onExit);
    if (this.#pin !== undefined && 'pidfd' in this.#pin) closeFd(this.#pin.pidfd);
    this.#image?.letGo();
  }

  #pidfd(): Fd | PeerRefusal {
    if (this.#process !== undefined) return this.#process.pidfd;
    const pin = this.#take();
    return 'pidfd' in pin ? pin.pidfd : pin;
  }

  /** Where the kernel would name the process still and cannot now, as without descriptors, it is asked again at the next look. */
  #take(): Pin | PeerRefusal {
    if (this.#pin !== undefined) return this.#pin;
    const pin = pinPeer(this.#connection.fd, this.#credentials, this.#capabilities);
    return 'refused' in pin && pin.refused === 'pin-failed' ? { ...pin, refused: 'peer-unseen' } : (this.#pin = pin);
  }
}
