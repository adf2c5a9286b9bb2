import { setImmediate as turn } from 'node:timers/promises';
import { Admission } from './admission.js';
import type { LeaseTerms } from './decision.js';
import { unattested, type Attested, type Engine } from './engine.js';
import { unknown, type Evidenced } from './evidence.js';
import type { AfterDecision } from './events.js';
import type { Socket } from './gate.js';
import { acceptedBy } from './guard.js';
import { DEFAULT_TERMS, holdFor, type Lease, type Leases } from './lease.js';
import { bucketName, type LimitState } from './limits/limit.js';
import type { LiveConnections } from './live.js';
import type { Policy, PolicyContext } from './policy.js';
import { sourceOf, type SelectorKey } from './selector.js';
import { SocketConnection } from './socket-fd.js';

/** Decided in one turn of the event loop; and waited for at the same time, where an attestor answers late. */
const MOST_AT_ONCE = 64;

/** Who is in was charged when he came, and is not charged again. Whom nobody could count is still not let in. */
const CHARGED: LimitState = Object.freeze({ hasRoom: (limit, evidence) => bucketName(limit, evidence) !== undefined } satisfies LimitState);

/** What the kernel says of a connection at its accept alone: SIOCINQ of one that is in use tells what it is used for. */
const TOO_LATE = unknown('socket-unsupported', 'the connection is in use: how it came can no longer be told');

/** What a gate gives. */
export interface RecheckParts {
  readonly engine: Engine;
  readonly live: LiveConnections;
  readonly leases: Leases;
  readonly after: AfterDecision;
  readonly listener: string;
  readonly clock: () => number;
  /** How long a connection that is no longer admitted may stay. */
  readonly graceMs: number;
  /** The policy in force. */
  policy(): Policy;
}

/**
 * After a policy took effect: decides anew on every live connection, as of now, and ends those that it does not admit (I7).
 * What a decision rested on serves again where it is enough. Where the policy wants more, all that a process can change is
 * asked anew of the peer that the kernel still pins, so that no decision rests on two moments.
 */
export class Recheck {
  readonly #parts: RecheckParts;
  /** When each was first denied, by `performance.now()`, and by every policy since. */
  readonly #deniedAt = new WeakMap<Lease, number>();

  constructor(parts: RecheckParts) {
    this.#parts = parts;
  }

  /** Resolves when every connection was looked at, or a later policy took effect, whose own run begins anew. Never rejects. */
  async run(policy: Policy): Promise<void> {
    const tally = { kept: 0, denied: 0 };
    const all = this.#parts.live.leases();
    for (let at = 0; at < all.length; at += MOST_AT_ONCE) {
      await turn();
      if (this.#parts.policy() !== policy) return;
      await Promise.all(all.slice(at, at + MOST_AT_ONCE).map(async ([socket, lease]) => {
        const stays = await this.#again(socket, lease, policy);
        if (stays !== undefined) tally[stays ? 'kept' : 'denied'] += 1;
      }));
    }
    if (this.#parts.policy() !== policy) return;
    const { name, revision } = policy;
    this.#parts.after.later(() => { this.#parts.after.emit('rechecked', { name, revision, ...tally, graceMs: this.#parts.graceMs }); });
  }

  /** Whether the connection stays; undefined: there is nothing to decide any more. */
  async #again(socket: Socket, lease: Lease, policy: Policy): Promise<boolean | undefined> {
    const { listener, clock } = this.#parts;
    let attested: Attested | undefined;
    try {
      const context = { listener, nowMs: clock(), limits: CHARGED };
      const lost = lease.admission.reverify();
      if (lease.ended) return undefined; // it ran another program, or nobody is there
      attested = (lost?.refused === 'peer-changed' ? undefined : this.#byWhatIsKnown(lease, policy, context)) ?? (await this.#askAgain(socket, lease, policy, context));
      if (this.#isOver(lease, policy) || attested.decision.cause === 'closing') return undefined;
      return attested.decision.cause === 'defect' ? this.#broken(lease, attested.failure) : this.#carryOut(socket, lease, attested, policy, context);
    } catch (error) {
      return this.#isOver(lease, policy) ? undefined : this.#broken(lease, error);
    } finally {
      this.#parts.after.guarded('recheck', () => { attested?.peer?.close(); });
    }
  }

  #isOver(lease: Lease, policy: Policy): boolean {
    return lease.ended || this.#parts.policy() !== policy;
  }

  /** Nobody knows whether it may stay (I2). */
  #broken(lease: Lease, error: unknown): false {
    this.#parts.after.fail('recheck', error);
    this.#parts.leases.revoke(lease, 'defect', 'rules', 'it could not be decided anew after a change of the policy');
    return false;
  }

  /** Where nothing more is wanted, and nothing else is to be held. */
  #byWhatIsKnown({ admission, terms }: Lease, policy: Policy, context: PolicyContext): Attested | undefined {
    const { peer } = admission;
    const evidence = decidedOn(admission);
    if (policy.wanted(evidence, context).size > 0) return undefined;
    const decision = policy.decide(evidence, context);
    if (decision.effect === 'allow' && !isSame(terms, decision.terms ?? DEFAULT_TERMS)) return undefined;
    return { ...unattested(decision), evidence, credentials: peer, pin: peer?.pin ?? 'unpinned' };
  }

  #askAgain(socket: Socket, { admission }: Lease, policy: Policy, context: PolicyContext): Attested | Promise<Attested> {
    const known = new Map<SelectorKey, Evidenced>();
    const frozen = this.#frozen(admission);
    for (const key of policy.keys) {
      const was = frozen.get(key) ?? (sourceOf(key) === 'socket' ? TOO_LATE : undefined);
      if (was !== undefined) known.set(key, was);
    }
    return this.#parts.engine.admit(new SocketConnection(socket, acceptedBy(socket)), policy, context, () => undefined, known);
  }

  /** What no process can change any more: how the connection came, and what the kernel kept of whoever made it. */
  #frozen(admission: Admission): ReadonlyMap<SelectorKey, Evidenced> {
    const { catalogue } = this.#parts.engine.collector;
    const isFrozen = (key: SelectorKey, { state }: Evidenced): boolean => sourceOf(key) === 'socket' || (state !== 'unknown' && catalogue.find(key)?.trust === 'kernel-connect');
    return new Map([...decidedOn(admission)].filter(([key, evidenced]) => isFrozen(key, evidenced)));
  }

  #carryOut(socket: Socket, lease: Lease, attested: Attested, policy: Policy, context: PolicyContext): boolean {
    const { decision, peer } = attested;
    if (decision.effect !== 'allow') {
      return this.#denied(lease, policy, 'rules', `does not admit it: ${[decision.cause, decision.code, ...decision.rules].filter((part) => part !== undefined).join(', ')}`);
    }
    if (decision.terms?.handoff === 'deny' && lease.socket === socket) {
      return this.#denied(lease, policy, 'handoff', 'wants it read with its senders, which has to begin with its first byte');
    }
    this.#deniedAt.delete(lease);
    const evidence = new Map([...attested.evidence, ...this.#frozen(lease.admission)]);
    this.#parts.leases.renew(lease, new Admission({ ...attested, evidence }, policy, context), peer?.hold(holdFor(decision)));
    return true;
  }

  #denied(lease: Lease, policy: Policy, word: string, why: string): false {
    const { graceMs, leases } = this.#parts;
    const revoke = (): void => { leases.revoke(lease, 'policy-changed', word, `the policy \`${policy.name}\`, revision \`${policy.revision}\`, ${why}`); };
    const now = performance.now();
    const first = this.#deniedAt.get(lease) ?? now;
    this.#deniedAt.set(lease, first);
    // A later policy decides for itself, and prolongs no grace.
    if (first + graceMs <= now) revoke();
    else setTimeout(() => { if (!this.#isOver(lease, policy)) revoke(); }, first + graceMs - now).unref();
    return false;
  }
}

/** What was collected after a decision, for the record, is of another moment, and nothing to decide on. */
function decidedOn({ evidence, decidedOn: count }: Admission): Map<SelectorKey, Evidenced> {
  const first = new Map<SelectorKey, Evidenced>();
  for (const [key, evidenced] of evidence) {
    if (first.size === count) break;
    first.set(key, evidenced);
  }
  return first;
}

function isSame(one: LeaseTerms, other: LeaseTerms): boolean {
  return one.onPeerExit === other.onPeerExit && one.onExec === other.onExec && one.reverifyMs === other.reverifyMs && one.handoff === other.handoff;
}
