import { bindAdmission, type Admission } from './admission.js';
import type { Decision, LeaseTerms } from './decision.js';
import type { AfterDecision, DecisionSink, Revocation, RevocationCause } from './events.js';
import { FreshLeases, type LeaseQueue } from './fresh-leases.js';
import type { Socket } from './gate.js';
import type { HeldPeer, PeerRefusal } from './peer.js';

/** The terms of a policy that says nothing of leases. */
export const DEFAULT_TERMS: LeaseTerms = Object.freeze({ onPeerExit: 'revoke', onExec: 'ignore' });

/** So long may nobody have seen which program a peer runs. Longer than a user is left alone who held up a look. */
const UNSEEN_MS = 15_000;
const LOOK_AGAIN_MS = 1_000;

/** What a connection that was allowed needs of its peer from now on. */
export function holdFor({ terms = DEFAULT_TERMS }: Decision): { readonly image: boolean } {
  return { image: terms.onExec === 'revoke' || terms.reverifyMs !== undefined };
}

/** One admitted connection's right to stay (I7). Ends with the connection, or earlier: then the connection ends too. */
export class Lease {
  readonly socket: Socket;
  #admission: Admission;
  #held: HeldPeer;
  #reverifying: NodeJS.Timeout | undefined;
  #unseenSinceMs: number | undefined;
  #lookingAgain: NodeJS.Timeout | undefined;
  #begun = false;
  #queue: LeaseQueue | undefined;
  #queuedAt = 0;
  #ended = false;

  constructor(socket: Socket, admission: Admission, held: HeldPeer) {
    this.socket = socket;
    this.#admission = admission;
    this.#held = held;
  }

  get admission(): Admission {
    return this.#admission;
  }

  get held(): HeldPeer {
    return this.#held;
  }

  get terms(): LeaseTerms {
    return this.#admission.decision.terms ?? DEFAULT_TERMS;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Whether this call begins it: what is held is watched once. */
  begins(): boolean {
    if (this.#ended || this.#begun) return false;
    return (this.#begun = true);
  }

  /** Decided anew, by another policy. `held` where something else is to be held from now on: then it begins again. */
  renew(admission: Admission, held: HeldPeer | undefined): void {
    this.#admission = admission;
    if (held === undefined) return;
    clearInterval(this.#reverifying);
    this.#held.close();
    this.#held = held;
    this.#begun = false;
  }

  /** It could not be seen which program its peer runs: since when, by `performance.now()`. `look` looks again, once. */
  unseen(look: () => void): number {
    this.#lookingAgain ??= setTimeout(() => {
      this.#lookingAgain = undefined;
      look();
    }, LOOK_AGAIN_MS).unref();
    return (this.#unseenSinceMs ??= performance.now());
  }

  seen(): void {
    this.#unseenSinceMs = undefined;
    this.#stopLooking();
  }

  #stopLooking(): void {
    clearTimeout(this.#lookingAgain);
    this.#lookingAgain = undefined;
  }

  /** Looks every `reverifyMs` whether the peer still runs what was admitted. */
  reverifyEvery(look: () => void): void {
    const { reverifyMs } = this.terms;
    if (reverifyMs !== undefined) this.#reverifying = setInterval(look, reverifyMs).unref();
  }

  /** Until it begins or ends, `queue` has it. */
  waitIn(queue: LeaseQueue): void {
    this.#queue = queue;
    this.#queuedAt = queue.push(this) - 1;
  }

  leaveQueue(): void {
    if (this.#queue === undefined) return;
    this.#queue[this.#queuedAt] = undefined;
    this.#queue = undefined;
  }

  /** Lets the peer go. Idempotent. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.leaveQueue();
    clearInterval(this.#reverifying);
    this.#stopLooking();
    this.#held.close();
  }
}

/** Watches the peers of a gate's live connections, and ends the connections of those that lost their right to stay (I7). */
export class Leases {
  readonly #after: AfterDecision;
  readonly #sink: DecisionSink | undefined;
  readonly #fresh = new FreshLeases((lease) => { this.#begin(lease); });

  constructor(after: AfterDecision, sink: DecisionSink | undefined) {
    this.#after = after;
    this.#sink = sink;
  }

  /** The lease of a connection that was just admitted. The caller ends it when the connection closes. */
  take(socket: Socket, admission: Admission, held: HeldPeer): Lease {
    const lease = new Lease(socket, admission, held);
    admission.heldBy(() => this.#reverify(lease));
    this.#fresh.add(lease);
    return lease;
  }

  /** A live connection was decided anew: handlers see that decision from now on. `held` where other terms ask for it. */
  renew(lease: Lease, admission: Admission, held: HeldPeer | undefined): void {
    lease.renew(admission, held);
    admission.heldBy(() => this.#reverify(lease));
    bindAdmission(lease.socket, admission);
    this.#begin(lease);
  }

  #begin(lease: Lease): void {
    if (!lease.begins()) return;
    try {
      if (lease.terms.onPeerExit === 'revoke') lease.held.watch(() => { this.#peerExited(lease); });
      lease.reverifyEvery(() => { this.#reverify(lease); });
    } catch (error) {
      // Nobody would notice its exit: what cannot be watched may not stay (I2).
      this.#after.fail('lease', error);
      this.revoke(lease, 'defect', 'lease.onPeerExit', 'the peer cannot be watched');
    }
  }

  #peerExited(lease: Lease): void {
    if (lease.ended) return;
    if (lease.held.verify()?.refused !== 'peer-exited') {
      this.revoke(lease, 'defect', 'lease.onPeerExit', 'the exit of the process that connected can no longer be watched');
      return;
    }
    // Where nobody else holds the other end, the connection ends by itself, after what the peer sent last was read.
    if (lease.held.isConnectionHeld()) this.revoke(lease, 'peer-exited', 'lease.onPeerExit', 'the process that connected has exited, and another one holds its connection');
  }

  #reverify(lease: Lease): PeerRefusal | undefined {
    if (lease.ended) return ENDED;
    const lost = lease.held.verify();
    if (lost?.refused !== 'peer-unseen') lease.seen();
    if (lost === undefined) return undefined;
    if (lost.refused === 'peer-unseen') {
      if (lease.terms.onExec === 'revoke') this.#unseen(lease, lost.detail);
    } else if (lost.refused === 'peer-exited') {
      if (lease.terms.onPeerExit === 'revoke') this.#peerExited(lease);
    } else if (lost.refused !== 'peer-changed') {
      this.revoke(lease, 'defect', 'lease.reverify', lost.detail);
    } else if (lease.terms.onExec === 'revoke') {
      this.revoke(lease, 'program-changed', 'lease.onExec', lost.detail);
    }
    return lost;
  }

  /** A busy host, or other users, can be why: it stays for a while. Nor may it stay for good, where nobody knows (I2). */
  #unseen(lease: Lease, detail: string): void {
    const forMs = performance.now() - lease.unseen(() => { this.#reverify(lease); });
    if (forMs >= UNSEEN_MS) this.revoke(lease, 'program-unseen', 'lease.onExec', `for ${String(Math.round(forMs / 1_000))} s: ${detail}`);
  }

  /** Ends the connection now, and tells why. */
  revoke(lease: Lease, cause: RevocationCause, word: string, detail: string): void {
    if (lease.ended) return;
    this.#after.guarded('lease', () => { lease.end(); });
    lease.socket.destroy();
    const revocation: Revocation = { admission: lease.admission, cause, word, detail };
    this.#after.later(() => {
      if (this.#sink?.revoked !== undefined) this.#after.guarded('sink', () => this.#sink?.revoked?.(revocation));
      this.#after.emit('revoked', revocation);
    });
  }
}

const ENDED: PeerRefusal = Object.freeze({ refused: 'lease-ended', detail: 'the connection has closed' });
