import { setImmediate as turn } from 'node:timers/promises';
import { Admission } from './admission.js';
import type { LeaseTerms } from './decision.js';
import { unattested, type Attested, type Engine } from './engine.js';
import type { Evidence, Evidenced } from './evidence.js';
import type { AfterDecision } from './events.js';
import type { Socket } from './gate.js';
import { acceptedBy } from './guard.js';
import { DEFAULT_TERMS, holdFor, type Lease, type Leases } from './lease.js';
import type { LiveConnections } from './live.js';
import type { Policy, PolicyContext } from './policy.js';
import type { SelectorKey } from './selector.js';
import { SocketConnection } from './socket-fd.js';

/** Decided in one turn of the event loop; and waited for at the same time, where an attestor answers late. */
const MOST_AT_ONCE = 64;

/** What a gate gives. */
export interface RecheckParts {
  readonly engine: Engine;
  readonly live: LiveConnections;
  readonly leases: Leases;
  readonly after: AfterDecision;
  /** How long a connection that is no longer admitted may stay. */
  readonly graceMs: number;
  /** The policy in force. */
  policy(): Policy;
  /** Of a decision that is made now. Limits are no part of it: who is in was charged when he came. */
  context(): PolicyContext;
}

/**
 * After a policy took effect: decides anew on every live connection, and ends those that it does not admit (I7). What was
 * seen of a peer serves again where it is enough. Where the policy wants more, all that a process can change is asked anew of
 * the peer that the kernel still pins, so that no decision rests on two moments.
 */
export class Recheck {
  readonly #parts: RecheckParts;

  constructor(parts: RecheckParts) {
    this.#parts = parts;
  }

  /** Resolves when every connection was looked at, or a later policy took effect, whose own run begins anew. */
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
    const context = this.#parts.context();
    let attested: Attested;
    try {
      const lost = lease.admission.reverify();
      if (lease.ended) return undefined; // it ran another program, or nobody is there
      attested = (lost?.refused === 'peer-changed' ? undefined : this.#byWhatIsKnown(lease, policy, context)) ?? (await this.#askAgain(socket, lease, policy, context));
    } catch (error) {
      // Nobody knows whether it may stay (I2).
      this.#parts.after.fail('recheck', error);
      this.#parts.leases.revoke(lease, 'defect', 'rules', 'it could not be decided anew after a change of the policy');
      return false;
    }
    try {
      if (this.#isOver(lease, policy)) return undefined;
      return this.#carryOut(socket, lease, attested, policy, context);
    } finally {
      attested.peer?.close();
    }
  }

  #isOver(lease: Lease, policy: Policy): boolean {
    return lease.ended || this.#parts.policy() !== policy;
  }

  /** Where nothing more is wanted, and nothing else is to be held. */
  #byWhatIsKnown({ admission, terms }: Lease, policy: Policy, context: PolicyContext): Attested | undefined {
    const { evidence, peer } = admission;
    if (policy.wanted(evidence, context).size > 0) return undefined;
    const decision = policy.decide(evidence, context);
    if (decision.effect === 'allow' && !isSame(terms, decision.terms ?? DEFAULT_TERMS)) return undefined;
    return { ...unattested(decision), evidence: new Map(evidence), credentials: peer, pin: peer?.pin ?? 'unpinned' };
  }

  #askAgain(socket: Socket, { admission }: Lease, policy: Policy, context: PolicyContext): Attested | Promise<Attested> {
    const known = this.#ofTheConnection(admission.evidence);
    return this.#parts.engine.admit(new SocketConnection(socket, acceptedBy(socket)), policy, context, () => undefined, known);
  }

  /** What belongs to the connection and not to its process stays as it was: frozen at connect, or early data. */
  #ofTheConnection(evidence: Evidence): ReadonlyMap<SelectorKey, Evidenced> {
    const { catalogue } = this.#parts.engine.collector;
    return new Map([...evidence].filter(([key, { state }]) => state !== 'unknown' && catalogue.find(key)?.cost === 'socket'));
  }

  #carryOut(socket: Socket, lease: Lease, attested: Attested, policy: Policy, context: PolicyContext): boolean {
    const { leases } = this.#parts;
    const { decision, peer } = attested;
    if (decision.effect !== 'allow') {
      const detail = `the policy \`${policy.name}\`, revision \`${policy.revision}\`, does not admit it: ${[decision.cause, decision.code, ...decision.rules].filter((part) => part !== undefined).join(', ')}`;
      this.#afterGrace(lease, policy, () => { leases.revoke(lease, 'policy-changed', 'rules', detail); });
      return false;
    }
    if (decision.terms?.handoff === 'deny' && lease.socket === socket) {
      const detail = `the policy \`${policy.name}\`, revision \`${policy.revision}\`, wants it read with its senders, which has to begin with its first byte`;
      this.#afterGrace(lease, policy, () => { leases.revoke(lease, 'policy-changed', 'handoff', detail); });
      return false;
    }
    leases.renew(lease, new Admission(attested, policy, context), peer?.hold(holdFor(decision)));
    return true;
  }

  #afterGrace(lease: Lease, policy: Policy, revoke: () => void): void {
    const { graceMs } = this.#parts;
    if (graceMs === 0) {
      revoke();
      return;
    }
    // A later policy decides for itself.
    setTimeout(() => { if (!this.#isOver(lease, policy)) revoke(); }, graceMs).unref();
  }
}

function isSame(one: LeaseTerms, other: LeaseTerms): boolean {
  return one.onPeerExit === other.onPeerExit && one.onExec === other.onExec && one.reverifyMs === other.reverifyMs && (one.handoff ?? 'allow') === (other.handoff ?? 'allow');
}
