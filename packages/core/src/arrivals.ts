import { Batches } from './batches.js';
import type { Decision, RefusalCode } from './decision.js';
import type { DescriptorBudget } from './descriptor-budget.js';
import type { Enforcer } from './enforcer.js';
import { refusal, unattested, type Attested, type Engine } from './engine.js';
import type { Evidence } from './evidence.js';
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

const NOTHING_KNOWN: Evidence = new Map();

interface Arrival {
  readonly socket: Socket;
  readonly handOver: HandOver;
}

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
  readonly #batches = new Batches<Arrival>(({ socket, handOver }) => { this.#admit(socket, handOver); });

  constructor(parts: ArrivalsParts) {
    this.#parts = parts;
  }

  /** A connection came: nothing of it was read yet. Counted at once, and attested with those that come beside it. */
  readonly arrive: Arrive = (socket, handOver) => {
    const { live, budget } = this.#parts;
    if (live.enter(socket)) this.#batches.add({ socket, handOver });
    else this.#refuse(refusal('capacity', 'descriptor-limit', `this process may hold ${String(budget?.capacity)} connections`), socket, handOver, 'close');
  };

  #admit(socket: Socket, handOver: HandOver): void {
    if (this.#parts.isClosing()) this.#refuse(refusal('closing'), socket, handOver, this.#parts.refusal);
    else this.#attest(socket, handOver);
  }

  #refuse(decision: Decision, socket: Socket, handOver: HandOver, style: RefusalStyle): void {
    this.#parts.enforcer.enforce(unattested(decision), this.#parts.policy(), this.#context(), socket, handOver, style);
  }

  #attest(socket: Socket, handOver: HandOver, known?: Evidence): void {
    const policy = this.#parts.policy();
    const context = this.#context();
    const attested = this.#parts.engine.admit(new SocketConnection(socket, acceptedBy(socket)), policy, context, this.#mayWait, known);
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
      this.#attest(socket, handOver, NOTHING_KNOWN);
    } else {
      enforcer.enforce(late, policy, context, socket, handOver);
    }
  }

  #context(): PolicyContext {
    const { listener, clock, limiter } = this.#parts;
    const nowMs = clock();
    return { listener, nowMs, limits: limiter.tidy(nowMs) };
  }

  readonly #mayWait = (credentials: PeerCredentials): RefusalCode | undefined => this.#parts.pending.enter(credentials.uid);
}
