import { Admission, bindAdmission } from './admission.js';
import { refusal, type Attested } from './engine.js';
import type { Socket } from './gate.js';
import type { HandoffSocket } from './handoff-socket.js';
import type { Handoffs } from './handoffs.js';
import { holdFor, type Leases } from './lease.js';
import type { Limiter } from './limits/limiter.js';
import type { LiveConnections } from './live.js';
import { passesObserved } from './observe.js';
import type { HeldPeer } from './peer.js';
import type { Policy, PolicyContext } from './policy.js';
import type { RecordKeeper } from './record-keeper.js';
import { refuse, type Lingering, type RefusalStyle } from './refuse.js';

/** What a gate gives. */
export interface EnforcerParts {
  readonly records: RecordKeeper;
  readonly limiter: Limiter;
  readonly live: LiveConnections;
  readonly leases: Leases;
  readonly handoffs: Handoffs;
  readonly lingering: Lingering;
  readonly refusal: RefusalStyle;
  /** Whether refusals are recorded only. */
  readonly observes: boolean;
}

/** Carries decisions out: the one place where a connection is let through (I1). */
export class Enforcer {
  readonly #parts: EnforcerParts;

  constructor(parts: EnforcerParts) {
    this.#parts = parts;
  }

  /** `handOver` gives the connection to the application; `style` is how it is told of a refusal. */
  enforce(attested: Attested, policy: Policy, context: PolicyContext, socket: Socket, handOver: (socket: Socket) => void, style = this.#parts.refusal): void {
    const { records, live, leases, handoffs, lingering, observes } = this.#parts;
    let outcome = socket.destroyed ? this.#over(attested, socket) : attested;
    let held: HeldPeer | undefined;
    let handed: HandoffSocket | undefined;
    if (outcome.decision.effect === 'allow') {
      try {
        if (attested.decision.limits !== undefined) outcome = this.#charge(attested, policy, context, socket);
        if (outcome.decision.effect === 'allow' && !observes) held = attested.peer?.hold(holdFor(outcome.decision));
        if (held !== undefined && outcome.decision.terms?.handoff === 'deny' && attested.peer !== undefined) {
          handed = handoffs.open(socket, attested.peer.credentials);
          if (handed === undefined) outcome = { ...attested, decision: refusal('capacity', 'descriptor-limit', 'there is no descriptor left to read it with') };
        }
      } catch (error) {
        outcome = { ...attested, decision: refusal('defect'), failure: error };
      }
    }
    const observed = observes ? passesObserved(outcome.decision) && !socket.destroyed : undefined;
    const admission = new Admission(outcome, policy, context, observed);
    records.keep(admission, outcome, policy, context); // lets the peer go
    if (outcome.decision.effect !== 'allow') {
      records.letGo(held);
      held = undefined;
    }
    if (held === undefined && observed !== true) {
      refuse(socket, style, lingering);
      return;
    }
    const application = handed ?? socket;
    if (held !== undefined) {
      const lease = leases.take(application, admission, held);
      handed?.whenForeign(({ detail }) => { leases.revoke(lease, 'foreign-sender', 'handoff', detail); });
      live.leased(socket, lease);
    }
    bindAdmission(application, admission);
    handOver(application);
  }

  /** What was allowed when there was nobody left to hand over: refused, since records say who came through. */
  #over(attested: Attested, socket: Socket): Attested {
    if (attested.decision.effect !== 'allow') return attested;
    const decision = this.#parts.live.hasEnded(socket) ? refusal('closing') : refusal('peer-lost', 'no-descriptor', 'the connection was closed while it was decided');
    return { ...attested, decision };
  }

  /** What limits a connection takes places of, it gives back when it closes. */
  #charge(attested: Attested, policy: Policy, context: PolicyContext, socket: Socket): Attested {
    const { evidence } = attested;
    const { decision, release } = this.#parts.limiter.charge(attested.decision, evidence, context.nowMs, () => policy.decide(evidence, context));
    if (release !== undefined) this.#parts.live.whenClosed(socket, release);
    return decision === attested.decision ? attested : { ...attested, decision };
  }
}
