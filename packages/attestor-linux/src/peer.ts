import { performance } from 'node:perf_hooks'; // the global of that name is a getter, which costs something at every look
import { ABSENT, unknown, type Connection, type Fd, type Finding, type HeldPeer, type Peer, type PeerCredentials, type PeerRefusal, type PinStrength, type TrustTier, type Unknown } from '@portcullis/core';
import type { Capabilities } from './capabilities.js';
import { ENOENT, ENOPROTOOPT, ERANGE, ESRCH, SysFailure } from './ffi/errno.js';
import { closeFd } from './ffi/file.js';
import { getPidfdInfo, hasExited, pidNamespaceOf, type PidfdInfo } from './ffi/pidfd.js';
import { countHeld } from './held-descriptors.js';
import { openBounded, readBounded, type Asker, type PathToOpen } from './held-up/looks.js';
import { getPeerGroups, getPeerSec, getQueuedBytes } from './ffi/sockopt.js';
import type { KnownProcess } from './image/known-process.js';
import type { ProgramImage } from './image/program-image.js';
import { LinuxHeldPeer } from './lease/held-peer.js';
import { pinAgain, pinPeer, readStartTime, type Pin } from './pin.js';
import { MOST_GROUPS } from './proc/decode.js';
import { depthOf } from './proc/depth.js';
import { unknownOf } from './unknown-of.js';

/** Well above the time of an admission that waits for nothing. An exec within it is no worse than one that comes right after. */
const SAME_MOMENT_MS = 0.5;

/** Supplementary groups; `tier` where they are worth less than the catalogue says. */
export interface Groups {
  readonly gids: readonly number[];
  readonly tier?: TrustTier;
}

/** Both keys: the list is not looked at. */
export const TOO_MANY_GROUPS: Unknown = Object.freeze(unknown('limit', `more than ${String(MOST_GROUPS)} groups`));

/**
 * The peer of one connection: of an AF_UNIX socket, unless a subclass says otherwise. What is frozen at connect is there
 * from the start; the pin is taken when first needed.
 */
export class LinuxPeer implements Peer {
  readonly credentials: PeerCredentials;
  readonly connection: Connection;
  readonly capabilities: Capabilities;
  /** What is kept of its process, once `ProcessCache` looked. */
  process: KnownProcess | 'not-kept' | undefined;
  #pin: Pin | PeerRefusal | Unknown | undefined;
  #info: PidfdInfo | SysFailure | undefined;
  #image: ProgramImage | undefined;
  /** Whether something below /proc was read since the image was last looked at. */
  #readSince = false;
  /** When a kept image was looked at; by `performance.now()`. */
  #lookedAtMs = 0;
  /** Whether early data were asked for before it was verified, and there were none. */
  #sentNothing = false;
  #verified = false;
  #asker: Asker | undefined;
  #closed = false;

  constructor(connection: Connection, credentials: PeerCredentials, capabilities: Capabilities) {
    this.connection = connection;
    this.credentials = credentials;
    this.capabilities = capabilities;
  }

  get pin(): PinStrength {
    return this.#pin !== undefined && 'pidfd' in this.#pin ? this.#pin.strength : 'unpinned';
  }

  /**
   * I3: before any look below /proc. The pidfd is this peer's; an unknown means that nothing may be read, and `verify`
   * will refuse the peer.
   */
  pidfd(): Fd | Unknown {
    if (this.#closed) throw new Error('the peer was used after it was closed');
    const pin = this.#pinned();
    if ('pidfd' in pin) return pin.pidfd;
    if ('why' in pin) return pin;
    return unknown(pin.refused === 'peer-exited' ? 'peer-exited' : 'system-error', pin.detail);
  }

  /** How `pidfd` gets its pin, asked once. An unknown: nobody can be pinned, which refuses nobody, as nothing is read then. */
  protected takePin(): Pin | PeerRefusal | Unknown {
    return pinPeer(this.connection.fd, this.credentials, this.capabilities);
  }

  /** SO_PEERGROUPS: frozen at connect. */
  groups(): Groups | Unknown {
    const { fd } = this.connection;
    if (fd === undefined) return CLOSED;
    const gids = getPeerGroups(fd);
    if (gids instanceof SysFailure) return gids.errno === ERANGE ? TOO_MANY_GROUPS : unknownOf(gids);
    return { gids };
  }

  /** SO_PEERSEC: the label's bytes as the kernel gives them, or the finding that stands for it. */
  label(): Uint8Array | Finding {
    const { fd } = this.connection;
    if (fd === undefined) return CLOSED;
    const bytes = getPeerSec(fd);
    if (!(bytes instanceof SysFailure)) return bytes;
    const unlabelled = bytes.errno === ENOPROTOOPT && this.capabilities.labelling?.length === 0;
    return unlabelled ? ABSENT : unknownOf(bytes);
  }

  /** Pins, and says where below /proc the peer is: `/proc/812`. Unknown for a peer in a pid namespace that we cannot see. */
  procFolder(): string | Unknown {
    const pidfd = this.pidfd();
    if (typeof pidfd !== 'number') return pidfd;
    this.#readSince = true;
    if (this.credentials.pid === 0) return unknown('not-visible', 'the peer has no pid in our pid namespace');
    return `/proc/${String(this.credentials.pid)}`;
  }

  /** For whom looks that the peer can hold up are done: see `held-up/looks.ts`. */
  get asker(): Asker {
    return (this.#asker ??= { uid: this.credentials.uid, direct: this.#couldStopUs() });
  }

  /** Opens paths below `procFolder` that the peer can hold up. The caller closes them. */
  open(paths: readonly PathToOpen[]): readonly (Fd | SysFailure)[] | Unknown {
    return openBounded(this.asker, paths);
  }

  /** Reads a file below `procFolder` that the peer can hold up. */
  read(path: string): Uint8Array | SysFailure | Unknown {
    return readBounded(this.asker, path);
  }

  /** A process that may send us SIGSTOP, of the same user or root and in our pid namespace, need not be guarded against here. */
  #couldStopUs(): boolean {
    const { uid, pid } = this.credentials;
    if (uid !== 0 && uid !== process.geteuid?.()) return false;
    const pidfd = this.pidfd();
    if (typeof pidfd !== 'number' || pid === 0) return false;
    const namespace = pidNamespaceOf(pidfd);
    return namespace === undefined ? depthOf(pid) === 1 /* before Linux 6.11 */ : namespace === this.capabilities.namespaces.get('pid');
  }

  /** `ioctl(pidfd, PIDFD_GET_INFO)`, asked once a peer. */
  info(): PidfdInfo | Unknown {
    if (!this.capabilities.pidfdInfo) return unknown('kernel-unsupported', 'ioctl(pidfd, PIDFD_GET_INFO)');
    const pidfd = this.pidfd();
    if (typeof pidfd !== 'number') return pidfd;
    this.#info ??= getPidfdInfo(pidfd);
    return this.#info instanceof SysFailure ? unknownOf(this.#info) : this.#info;
  }

  /** Why a call below `procFolder` failed: a missing entry is an exit only if the process is gone, else it is hidden (T16). */
  unknownOf(failure: SysFailure): Unknown {
    const missing = failure.errno === ENOENT || failure.errno === ESRCH;
    const pidfd = missing ? this.pidfd() : undefined;
    if (typeof pidfd === 'number' && !hasExited(pidfd)) return unknown('permission', failure.toString());
    return unknownOf(failure);
  }

  /**
   * Findings rest on this image from now on: `verify` checks it, `close` lets it go. An image that was looked at this very
   * moment, and after which nothing else is read, need not be looked at twice.
   */
  rely(image: ProgramImage, looked: 'looked-at-now' | 'to-be-verified'): void {
    this.#image = image;
    this.#readSince = looked === 'to-be-verified';
    if (!this.#readSince) this.#lookedAtMs = performance.now();
  }

  get image(): ProgramImage | undefined {
    return this.#image;
  }

  /**
   * SIOCINQ answered 0. Until the program was looked at, another may have run that sends in between and then runs this one:
   * where findings rest on an image, `verify` asks once more. What comes after it, who was attested sent.
   */
  sentNothing(): void {
    this.#sentNothing = !this.#verified;
  }

  verify(): PeerRefusal | undefined {
    const lost = this.#lost() ?? (this.#sentNothing && this.#image !== undefined ? this.#sentMeanwhile() : undefined);
    this.#verified = true;
    this.#sentNothing = false;
    return lost;
  }

  #sentMeanwhile(): PeerRefusal | undefined {
    const { connection: { fd }, credentials } = this;
    const size = fd === undefined ? 0 : getQueuedBytes(fd);
    if (size === 0) return undefined;
    const detail = size instanceof SysFailure ? size.toString() : `${String(size)} bytes came after there were none, and before the look at the program was over`;
    return { refused: 'early-data', detail, credentials };
  }

  #lost(): PeerRefusal | undefined {
    const pin = this.#pin;
    if (pin === undefined || 'why' in pin) return undefined;
    const { credentials } = this;
    if (!('pidfd' in pin)) return pin;
    // After the last read: a process that exited may have lent its pid to another while we read (T1).
    if (hasExited(pin.pidfd)) return { refused: 'peer-exited', detail: 'the process exited while it was attested', credentials };
    if (pin.startTimeTicks !== undefined && readStartTime(credentials) !== pin.startTimeTicks) {
      return { refused: 'peer-changed', detail: 'the start time changed while it was attested', credentials };
    }
    // Only in the turn of that look: after a wait for a late answer, and for a lease, it is looked at again (T2).
    if (!this.#readSince && performance.now() - this.#lookedAtMs < SAME_MOMENT_MS) return undefined;
    const changed = this.#image?.changed();
    return changed && { refused: changed.refused, detail: changed.detail, credentials };
  }

  hold({ image }: { readonly image: boolean }): HeldPeer {
    // SO_PEERPIDFD can be asked again when it is needed. Where there is none, the pid can be another's by then.
    return this.holdPinned(image, !this.capabilities.peerPidFd);
  }

  /** `now`: with a pin of its own from the start, not only when it is needed. */
  protected holdPinned(image: boolean, now: boolean): LinuxHeldPeer {
    const { connection, credentials, capabilities } = this;
    let pin: Pin | PeerRefusal | undefined;
    if (now) {
      const own = this.#pinned();
      if ('why' in own) throw new Error('a peer without a process cannot be held by one');
      pin = 'pidfd' in own ? pinAgain(own, credentials) : own;
    }
    return new LinuxHeldPeer(connection, credentials, capabilities, pin, image ? this.#image?.use() : undefined);
  }

  #pinned(): Pin | PeerRefusal | Unknown {
    if (this.#pin !== undefined) return this.#pin;
    this.#pin = this.#compared(this.takePin());
    if ('pidfd' in this.#pin) countHeld(1);
    return this.#pin;
  }

  /**
   * What is read below /proc is of the process that the credentials name, and what is polled is behind the pidfd: two answers of the
   * kernel, which count only for one process. No answer, as from a pid namespace that we cannot see, tells nothing.
   */
  #compared(pin: Pin | PeerRefusal | Unknown): Pin | PeerRefusal | Unknown {
    if (!('pidfd' in pin) || pin.strength !== 'peer-pidfd' || !this.capabilities.pidfdInfo) return pin;
    const { credentials } = this;
    const info = (this.#info = getPidfdInfo(pin.pidfd));
    if (info instanceof SysFailure || info.pid === Number(credentials.pid)) return pin;
    closeFd(pin.pidfd);
    return { refused: 'pin-failed', detail: `the credentials name process ${String(credentials.pid)}, and the pidfd is of ${String(info.pid)}`, credentials };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#pin !== undefined && 'pidfd' in this.#pin) {
      closeFd(this.#pin.pidfd);
      countHeld(-1);
    }
    this.#image?.letGo();
  }
}

const CLOSED = Object.freeze(unknown('peer-exited', 'the connection is closed'));
