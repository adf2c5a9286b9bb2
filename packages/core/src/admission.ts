import type { CandidateResult } from './candidate.js';
import type { Decision, NearestMiss, ShadowResult } from './decision.js';
import type { Attested, Stages } from './engine.js';
import { PortcullisError } from './errors.js';
import type { Evidence } from './evidence.js';
import { fingerprint } from './fingerprint.js';
import { exhaustedLimits } from './limits/limit.js';
import type { Gid, PeerCredentials, PeerRefusal, Pid, PinStrength, Uid } from './peer.js';
import type { Policy, PolicyContext } from './policy.js';
import type { SelectorKey } from './selector.js';

/** What an application may keep of a peer: values, no descriptors. */
export interface AdmittedPeer {
  /** 0 where it cannot be seen; of a TCP connection also where no rule looked at the process. */
  readonly pid: Pid;
  readonly uid: Uid;
  /** Undefined of a TCP connection, which has none. */
  readonly gid: Gid | undefined;
  /** How firmly the process was held while it was looked at. */
  readonly pin: PinStrength;
  /** See `fingerprint`: one stable digest of chosen selectors. */
  fingerprint(keys: Iterable<SelectorKey>): string;
}

/** One connection's admission, allowed or refused: what handlers, events and records see. */
export class Admission {
  readonly listener: string;
  /** When it was decided, milliseconds since the epoch by the gate's clock. */
  readonly timeMs: number;
  /** In observe mode: what would have been decided. */
  readonly decision: Decision;
  /** Whether the gate observes: then `decision` did not decide, and `admitted` says what happened. */
  readonly observed: boolean;
  /** Whether the connection was handed to the application. */
  readonly admitted: boolean;
  readonly evidence: Evidence;
  /** How many keys, the first of `evidence`, the decision rested on: what follows was collected after it, for the record. */
  readonly decidedOn: number;
  readonly stages: Readonly<Stages>;
  readonly peer: AdmittedPeer | undefined;
  readonly failure: unknown;
  /** Set once the shadow rules were asked; empty until then, and where there are none. */
  shadow: readonly ShadowResult[] = NO_SHADOW;
  /** Set once the candidate policy was asked, where there is one and it had something to say. */
  candidate: CandidateResult | undefined;
  readonly #policy: Policy;
  #lookAgain: (() => PeerRefusal | undefined) | undefined;

  /** `passes`: whether it is handed on though the gate only observes; undefined where it does not, and the decision says. */
  constructor(attested: Attested, policy: Policy, context: PolicyContext, passes?: boolean) {
    this.listener = context.listener;
    this.timeMs = context.nowMs;
    this.decision = attested.decision;
    this.observed = passes !== undefined;
    this.admitted = passes ?? attested.decision.effect === 'allow';
    this.evidence = attested.evidence;
    this.decidedOn = attested.evidence.size;
    this.stages = attested.stages;
    this.failure = attested.failure;
    this.peer = attested.credentials && new PeerView(attested.credentials, attested.pin, attested.evidence);
    this.#policy = policy;
  }

  /**
   * Whether the process that connected still lives and, where `onExec: revoke` or an interval asks for it, runs the program
   * image that was admitted: looked at now, in microseconds. What is lost is said, and what the policy's `lease` says of it
   * is done before this returns. `lease-ended` once the connection has closed, and of one that was refused.
   */
  reverify(): PeerRefusal | undefined {
    return this.#lookAgain === undefined ? NOT_HELD : this.#lookAgain();
  }

  /** Called by the gate alone. */
  heldBy(lookAgain: () => PeerRefusal | undefined): void {
    this.#lookAgain = lookAgain;
  }

  get policy(): { readonly name: string; readonly revision: string } {
    return { name: this.#policy.name, revision: this.#policy.revision };
  }

  /** The allow rule that failed by the fewest conditions; worked out when asked for, and only of a policy's refusal. */
  get nearest(): NearestMiss | undefined {
    if (this.decision.effect === 'allow' || !OF_POLICY.has(this.decision.cause)) return undefined;
    const { exhausted = [] } = this.decision;
    return this.#policy.nearest(this.evidence, { listener: this.listener, nowMs: this.timeMs, limits: exhaustedLimits(exhausted) });
  }
}

const NOT_HELD: PeerRefusal = Object.freeze({ refused: 'lease-ended', detail: 'no lease holds this connection: it was refused, or the gate only observes' });
const NO_SHADOW: readonly ShadowResult[] = Object.freeze([]);
const OF_POLICY: ReadonlySet<string> = new Set(['rule', 'default', 'unknown-evidence', 'limit']);

class PeerView implements AdmittedPeer {
  readonly pid: Pid;
  readonly uid: Uid;
  readonly gid: Gid | undefined;
  readonly pin: PinStrength;
  readonly #evidence: Evidence;

  constructor(credentials: PeerCredentials, pin: PinStrength, evidence: Evidence) {
    this.pid = credentials.pid;
    this.uid = credentials.uid;
    this.gid = credentials.gid;
    this.pin = pin;
    this.#evidence = evidence;
  }

  fingerprint(keys: Iterable<SelectorKey>): string {
    return fingerprint(this.#evidence, keys);
  }
}

/** A symbol passes through the proxy that http2 puts around its socket; a WeakMap key would not. */
const ADMISSION = Symbol('portcullis.admission');

/**
 * Binds an admission to the raw socket. Called by the gate alone, before the application sees the socket. A socket that is
 * handed from one gate's server to another's is admitted again, and the last admission counts.
 */
export function bindAdmission(socket: object, admission: Admission): void {
  (socket as { [ADMISSION]?: Admission })[ADMISSION] = admission;
}

/** Where the servers keep the raw socket: https in `_parent`, requests in `socket`, streams and gRPC calls deeper. */
const WAYS_DOWN = ['_parent', 'socket', '_socket', 'session', 'stream', 'call', 'nextCall', 'raw', 'req'] as const;
const DEEPEST = 8;

/**
 * The admission of the connection that `subject` arrived on: a socket, an http or http2 request or stream, a WebSocket,
 * a fastify request, a gRPC call.
 * @throws PortcullisError `ADMISSION_MISSING` when it came through no gate: never read that as admitted.
 */
export function admissionOf(subject: object): Admission {
  const found = search(subject, DEEPEST, new Set());
  if (found === undefined) {
    throw new PortcullisError('ADMISSION_MISSING', 'this connection came through no gate');
  }
  return found;
}

function search(subject: object, depth: number, seen: Set<object>): Admission | undefined {
  if (seen.has(subject)) return undefined;
  seen.add(subject);
  const own: unknown = Reflect.get(subject, ADMISSION);
  if (own instanceof Admission) return own;
  if (depth === 0) return undefined;
  for (const way of WAYS_DOWN) {
    const next: unknown = Reflect.get(subject, way);
    if (typeof next !== 'object' || next === null) continue;
    const found = search(next, depth - 1, seen);
    if (found !== undefined) return found;
  }
  return undefined;
}
