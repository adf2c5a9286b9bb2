import type { RefusalCode } from './decision.js';
import type { DescriptorBudget } from './descriptor-budget.js';
import type { Enforcer } from './enforcer.js';
import { refusal, unattested, type Attested, type Engine } from './engine.js';
import type { Socket } from './gate.js';
import { acceptedBy, type Arrive } from './guard.js';
import type { Limiter } from './limits/limiter.js';
import type { LiveConnections } from './live.js';
import type { PeerCredentials } from './peer.js';
import type { PendingAdmissions } from './pending.js';
import type { Policy, PolicyContext } from './policy.js';
import type { RecordKeeper } from './record-keeper.js';
import type { RefusalStyle } from './refuse.js';
import { SocketConnection } from './socket-fd.js';

type HandOver = Parameters<Arrive>[1];

/** What a gate gives. */
export interface ArrivalsParts {
  readonly listener: string;
  readonly clock: () => number;
  readonly engine: Engine;
  readonly live: LiveConnections;
  readonly budget: DescriptorBudget | undefined;
  readonly pending: PendingAdmissions;
  readonly limiter: Limiter;
  readonly records: RecordKeeper;
  readonly enforcer: Enforcer;
  readonly refusal: RefusalStyle;
  /** The policy in force. */
  policy(): Policy;
  isClosing(): boolean;
}

/** Connections that come: each is attested, decided by the policy that is in force then, and that is carried out. */
export class Arrivals {
  readonly #parts: ArrivalsParts;

  constructor(parts: ArrivalsParts) {
    this.#parts = parts;
  }

  /** A connection came: nothing of it was read yet. */
  readonly arrive: Arrive = (socket, handOver) => {
    const { live, budget, enforcer } = this.#parts;
    const full = !live.enter(socket);
    if (!full && !this.#parts.isClosing()) {
      this.#attest(socket, handOver);
      return;
    }
    const decision = full ? refusal('capacity', 'descriptor-limit', `this process may hold ${String(budget?.capacity)} connections`) : refusal('closing');
    enforcer.enforce(unattested(decision), this.#parts.policy(), this.#context(), socket, handOver, full ? 'close' : this.#parts.refusal);
  };

  #attest(socket: Socket, handOver: HandOver): void {
    const policy = this.#parts.policy();
    const context = this.#context();
    const attested = this.#parts.engine.admit(new SocketConnection(socket, acceptedBy(socket)), policy, context, this.#mayWait);
    if (attested instanceof Promise) void attested.then((late) => { this.#settle(late, policy, context, socket, handOver); });
    else this.#parts.enforcer.enforce(attested, policy, context, socket, handOver);
  }

  /** What was decided late: the gate may close by now, or another policy be in force. */
  #settle(late: Attested, policy: Policy, context: PolicyContext, socket: Socket, handOver: HandOver): void {
    const { enforcer, pending, records } = this.#parts;
    if (late.credentials !== undefined) pending.leave(late.credentials.uid);
    if (this.#parts.isClosing()) {
      enforcer.enforce({ ...late, decision: refusal('closing') }, policy, context, socket, handOver);
    } else if (this.#parts.policy() !== policy && late.decision.effect === 'allow' && !socket.destroyed) {
      // Allowed by a policy that is no longer in force: the one that is has not been asked.
      records.letGo(late.peer);
      this.#attest(socket, handOver);
    } else {
      enforcer.enforce(late, policy, context, socket, handOver);
    }
  }

  #context(): PolicyContext {
    const { listener, clock, limiter } = this.#parts;
    return { listener, nowMs: clock(), limits: limiter };
  }

  readonly #mayWait = (credentials: PeerCredentials): RefusalCode | undefined => this.#parts.pending.enter(credentials.uid);
}
