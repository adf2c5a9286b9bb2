import { unknown, type Connection, type Gid, type HeldPeer, type PeerRefusal, type Pid, type Uid, type Unknown } from '@portcullis/core';
import { inFirstPidNamespace, type Capabilities } from '../capabilities.js';
import { LinuxPeer } from '../peer.js';
import type { Pin } from '../pin.js';
import { HeldHolder, HeldSocket } from './held-socket.js';
import type { HolderFinder } from './holder-finder.js';
import type { Holder } from './holder-scan.js';
import type { ClientSocket } from './inet-diag.js';
import { pinHolder, whyNotHeld } from './pin-holder.js';

/** The pid is that of the holder once it is pinned, 0 until then. */
interface Credentials {
  pid: Pid;
  readonly uid: Uid;
  readonly gid: Gid | undefined;
}

/**
 * The peer of a loopback TCP connection. The kernel says which user made the client's socket, and of a process nothing: it is
 * looked for when a key needs it, and all that is said of it is worth no more than `heuristic`.
 */
export class LoopbackPeer extends LinuxPeer {
  readonly ceiling = 'heuristic';
  readonly client: ClientSocket;
  readonly #credentials: Credentials;
  #found: Holder | PeerRefusal | Unknown = NOT_LOOKED_FOR;
  #looking: Promise<void> | undefined;
  #pinned: Holder | undefined;

  constructor(connection: Connection, client: ClientSocket, capabilities: Capabilities) {
    const credentials: Credentials = { pid: 0 as Pid, uid: client.uid as Uid, gid: undefined };
    super(connection, credentials, capabilities);
    this.#credentials = credentials;
    this.client = client;
  }

  /** To be awaited before any key of the process is asked for. Undefined where that was done. Never rejects. */
  locate(finder: HolderFinder, signal?: AbortSignal): Promise<void> | undefined {
    if (this.#found !== NOT_LOOKED_FOR) return undefined;
    const { capabilities } = this;
    if (capabilities.hidepid || !inFirstPidNamespace(capabilities)) {
      this.#found = unknown('not-visible', 'processes that are not shown here could hold the socket');
      return undefined;
    }
    return (this.#looking ??= this.#look(finder, signal));
  }

  async #look(finder: HolderFinder, signal: AbortSignal | undefined): Promise<void> {
    const { inode } = this.client;
    let found = await finder.find(inode, signal);
    // Between its fork and its exec a child holds all that its parent has: what is still so a scan later is meant.
    if (isShared(found)) found = await finder.find(inode, signal);
    if (found === 'nobody') this.#found = { refused: 'holder-missing', detail: `no process holds socket ${String(inode)} of uid ${String(this.client.uid)}`, credentials: this.credentials };
    else if (isShared(found)) this.#found = { refused: 'several-holders', detail: `${String(found.processes)} processes hold socket ${String(inode)}`, credentials: this.credentials };
    else this.#found = found;
  }

  override groups(): Unknown {
    return NO_GROUPS;
  }

  override label(): Unknown {
    return NO_LABEL;
  }

  protected override takePin(): Pin | PeerRefusal | Unknown {
    const found = this.#found;
    if (!('foreignFd' in found)) return found;
    const pin = pinHolder(found, this.client, this.capabilities);
    if ('pidfd' in pin) {
      this.#pinned = found;
      this.#credentials.pid = found.pid as Pid;
    }
    return pin;
  }

  /** Without a process, which no rule looked at, to the client's socket alone. */
  override hold({ image }: { readonly image: boolean }): HeldPeer {
    return this.#pinned === undefined ? new HeldSocket(this.client) : new HeldHolder(this.holdPinned(image, true), this.client);
  }

  override verify(): PeerRefusal | undefined {
    const lost = super.verify();
    if (lost !== undefined || this.#pinned === undefined) return lost;
    const pidfd = this.pidfd();
    if (typeof pidfd !== 'number') return { refused: 'holder-missing', detail: 'the holder is not pinned any more', credentials: this.credentials };
    // After the last read: what was read is of the holder only if it still has the socket.
    const wrong = whyNotHeld(pidfd, this.#pinned, this.client);
    if (wrong === undefined) return undefined;
    return 'why' in wrong ? { refused: 'holder-missing', detail: wrong.detail ?? wrong.why, credentials: this.credentials } : { ...wrong, credentials: this.credentials };
  }
}

const NOT_LOOKED_FOR: Unknown = Object.freeze(unknown('timeout', 'the holder of the socket was not looked for'));

const NO_GROUPS = Object.freeze(unknown('socket-unsupported', 'a TCP socket has no groups'));
const NO_LABEL = Object.freeze(unknown('socket-unsupported', 'a TCP socket has no label of its peer'));

function isShared(found: Holder | 'nobody' | Unknown): found is Holder {
  return typeof found === 'object' && 'processes' in found && found.processes > 1;
}
