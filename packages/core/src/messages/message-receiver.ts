import { activatedFd } from '../activation.js';
import { Admission } from '../admission.js';
import type { Catalogue } from '../catalogue.js';
import { Collector } from '../collect.js';
import type { RefusalCode } from '../decision.js';
import { processBudget } from '../descriptor-budget.js';
import { Engine, refusal, unattested, type Attested } from '../engine.js';
import { AfterDecision, type GateEvents } from '../events.js';
import { checkCollect, DEFAULTS } from '../gate-options.js';
import { Limiter } from '../limits/limiter.js';
import type { Fd, PeerCredentials } from '../peer.js';
import { PendingAdmissions } from '../pending.js';
import { PolicyInForce } from '../policy-in-force.js';
import type { Policy, PolicyContext } from '../policy.js';
import { prepareAttestors } from '../prepare.js';
import { RecordKeeper } from '../record-keeper.js';
import { MESSAGE_DEFAULTS, settleLimits, type MessageOptions, type MessageTarget } from './message-options.js';
import type { Arrival, MessageSocket } from './message-port.js';
import { WaitingMessages } from './waiting-messages.js';

/** A message whose sender was admitted. */
export interface Message {
  readonly bytes: Uint8Array;
  /** Of its sender: every message has its own. */
  readonly admission: Admission;
  /** Descriptors that came along, and were closed. */
  readonly closedDescriptors: number;
}

export type MessageHandler = (message: Message) => unknown;

/**
 * Stands before an application that takes messages: the sender of each is attested, and the policy decides on each. A
 * message of a refused sender never reaches the application (I1). Made by `receiveMessages`.
 */
export class MessageReceiver {
  readonly listener: string;
  readonly #options: MessageOptions;
  readonly #handler: MessageHandler;
  readonly #engine: Engine;
  readonly #after = new AfterDecision();
  readonly #records: RecordKeeper;
  readonly #waiting: WaitingMessages;
  readonly #inForce: PolicyInForce;
  readonly #limiter = new Limiter();
  readonly #clock: () => number;
  readonly #socket: MessageSocket;
  #closing: Promise<void> | undefined;

  /** Use `receiveMessages`, which prepares the policy first. */
  constructor(options: MessageOptions, where: MessageTarget, handler: MessageHandler, warnings: readonly string[]) {
    const limits = settleLimits(options);
    const { maxPending = MESSAGE_DEFAULTS.maxPending, maxPendingPerUid = MESSAGE_DEFAULTS.maxPendingPerUid, deadlineMs = DEFAULTS.deadlineMs, collect = [] } = options;
    this.listener = options.listener ?? DEFAULTS.listener;
    this.#options = options;
    this.#handler = handler;
    this.#clock = options.clock ?? Date.now;
    const collector = new Collector(options.attestors);
    checkCollect(collect, collector.catalogue);
    this.#engine = new Engine(options.port.peerSource, collector, deadlineMs);
    const budget = options.budget ?? processBudget(options.port.peerSource);
    const pending = (): PendingAdmissions => PendingAdmissions.within(budget, maxPending, maxPendingPerUid);
    this.#waiting = new WaitingMessages(pending(), budget);
    this.#records = new RecordKeeper(collector, this.#after, { sink: options.sink, collect, deadlineMs, waiting: pending() });
    this.#inForce = new PolicyInForce(options.policy, warnings, { attestors: options.attestors }, this.#after, options.refreshMs ?? DEFAULTS.refreshMs);
    try {
      const to = { arrived: (arrival: Arrival) => { this.#arrived(arrival); }, failed: (error: unknown) => { this.#after.fail('listener', error); } };
      this.#socket = options.port.open(placeOf(where), where.kind, limits, to);
    } catch (error) {
      this.#inForce.close();
      throw error;
    }
  }

  get catalogue(): Catalogue {
    return this.#engine.collector.catalogue;
  }

  get policy(): Policy {
    return this.#inForce.policy;
  }

  /** The real path, where the receiver made the socket. */
  get path(): string | undefined {
    return this.#socket.bound?.path;
  }

  /** Messages that wait for a late answer, or behind one of their sender's that does. */
  get pending(): number {
    return this.#waiting.count;
  }

  on<Name extends keyof GateEvents>(name: Name, listener: GateEvents[Name]): this {
    (this.#after.emitter.on as (name: Name, listener: GateEvents[Name]) => unknown).call(this.#after.emitter, name, listener);
    return this;
  }

  /** Prepares attestors for `policy`, then swaps one reference. A failure keeps the policy that works. */
  async setPolicy(policy: Policy): Promise<void> {
    await this.#inForce.set(policy);
    this.#limiter.retain(this.policy.limits ?? []);
  }

  /** Leaves further messages in the kernel: their senders block, or are told EAGAIN. Those that wait are still decided. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Receives no more, refuses what waits, and resolves when every record was told. Idempotent. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#inForce.close();
    this.#socket.close();
    this.#engine.stop();
    await this.#waiting.settled();
    await this.#records.settled(this.#options.deadlineMs ?? DEFAULTS.deadlineMs);
    if (this.#options.sharedAttestors === true) return;
    for (const attestor of this.#options.attestors) {
      try {
        await attestor.close?.();
      } catch (error) {
        this.#after.fail('close', error);
      }
    }
  }

  #arrived(arrival: Arrival): void {
    const { sequence, credentials } = arrival;
    const before = this.#waiting.before(sequence);
    if (before === undefined) {
      const late = this.#attest(arrival, this.#mayWait);
      if (late !== undefined) this.#waiting.follow(sequence, late);
      return;
    }
    // Behind another of the same sender, and counted as one that waits itself.
    const full = credentials === undefined ? 'sender-unknown' : this.#mayWait(credentials);
    if (credentials === undefined || full !== undefined) {
      this.#refuse(arrival, refusal('capacity', full));
      return;
    }
    this.#waiting.follow(sequence, before.then(() => this.#attest(arrival, COUNTED)).then(() => { this.#waiting.leave(credentials.uid); }));
  }

  readonly #mayWait = ({ uid }: PeerCredentials): RefusalCode | undefined => this.#waiting.enter(uid);

  /** A promise, which never rejects, only where the decision is awaited. */
  #attest(arrival: Arrival, mayWait: (credentials: PeerCredentials) => RefusalCode | undefined): Promise<void> | undefined {
    if (this.#closing !== undefined) {
      this.#refuse(arrival, refusal('closing'));
      return undefined;
    }
    const { policy } = this;
    const context = this.#context();
    const attested = this.#engine.admit(arrival, policy, context, mayWait);
    if (attested instanceof Promise) return this.#late(arrival, attested, policy, context, mayWait);
    this.#settle(arrival, attested, policy, context);
    return undefined;
  }

  async #late(arrival: Arrival, waiting: Promise<Attested>, policy: Policy, context: PolicyContext, mayWait: (credentials: PeerCredentials) => RefusalCode | undefined): Promise<void> {
    const late = await waiting;
    if (mayWait !== COUNTED && late.credentials !== undefined) this.#waiting.leave(late.credentials.uid);
    if (this.#closing !== undefined) this.#settle(arrival, { ...late, decision: refusal('closing') }, policy, context);
    else if (this.policy === policy || late.decision.effect === 'deny') this.#settle(arrival, late, policy, context);
    else this.#settle(arrival, decidedAgain(late, this.policy, context), this.policy, context);
  }

  #refuse(arrival: Arrival, decision: ReturnType<typeof refusal>): void {
    this.#settle(arrival, unattested(decision), this.policy, this.#context());
  }

  #context(): PolicyContext {
    const nowMs = this.#clock();
    return { listener: this.listener, nowMs, limits: this.#limiter.tidy(nowMs) };
  }

  /** Carries the decision out: the one place where a message is let through. */
  #settle(arrival: Arrival, decided: Attested, policy: Policy, context: PolicyContext): void {
    const attested = decided.decision.limits === undefined ? decided : this.#charged(decided, policy, context);
    const admission = new Admission(attested, policy, context);
    this.#records.keep(admission, attested, policy, context); // lets the sender go
    if (admission.decision.effect === 'allow') {
      const { bytes, closedDescriptors } = arrival;
      this.#after.guarded('message', () => this.#handler({ bytes, admission, closedDescriptors }));
    } else {
      arrival.endConnection();
    }
    arrival.close();
  }

  /** A message has passed as soon as it was handed on: of `concurrent` it takes no place. */
  #charged(attested: Attested, policy: Policy, context: PolicyContext): Attested {
    const { evidence } = attested;
    try {
      const { decision, release } = this.#limiter.charge(attested.decision, evidence, context.nowMs, () => policy.decide(evidence, context));
      release?.();
      return { ...attested, decision };
    } catch (error) {
      return { ...attested, decision: refusal('defect'), failure: error };
    }
  }
}

/**
 * Allowed by a policy that is no longer in force: the one that is has its say on what was seen of the sender, which may
 * have gone by now. Where it wants more than that, it cannot allow: a deny that skips what is unknown was never asked (I4).
 */
function decidedAgain(late: Attested, policy: Policy, context: PolicyContext): Attested {
  try {
    const decision = policy.decide(late.evidence, context);
    const unasked = decision.effect === 'allow' && policy.wanted(late.evidence, context).size > 0;
    return { ...late, decision: unasked ? refusal('unknown-evidence') : decision };
  } catch (error) {
    return { ...late, decision: refusal('defect'), failure: error };
  }
}

/** Counted already as one that waits. */
const COUNTED = (): undefined => undefined;

function placeOf(where: MessageTarget): { readonly fd: Fd } | Exclude<MessageTarget, { readonly fd: number } | { readonly systemd: string }> {
  if ('path' in where) return where;
  return { fd: 'fd' in where ? (where.fd as Fd) : activatedFd(where.systemd) };
}

/**
 * Receives messages on a datagram or seqpacket socket, and hands `handler` those whose senders the policy admits. A throw of
 * `handler`, or a promise that rejects, is told to listeners of `failed`.
 * @throws PortcullisError `GATE_OPTIONS`, `LISTEN_*`, `PLATFORM_SYSTEM`, or whatever an attestor's `prepare` throws
 */
export async function receiveMessages(options: MessageOptions, where: MessageTarget, handler: MessageHandler): Promise<MessageReceiver> {
  const warnings = await prepareAttestors(options.attestors, options.policy);
  return new MessageReceiver(options, where, handler, warnings);
}
