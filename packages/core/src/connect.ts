import { closeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Admission, bindAdmission } from './admission.js';
import type { Attestor } from './attestor.js';
import { Collector } from './collect.js';
import type { ConnectPort } from './connector.js';
import type { Decision } from './decision.js';
import { Engine, refusal, type Attested } from './engine.js';
import { PortcullisError } from './errors.js';
import { DEFAULTS } from './gate-options.js';
import { socketOver, type Socket } from './gate.js';
import { LONGEST_TIMER_MS } from './live.js';
import type { Fd, PeerSource } from './peer.js';
import type { Policy, PolicyContext } from './policy.js';
import { prepareAttestors } from './prepare.js';
import { addUserName, ServerRefused } from './server-refused.js';
import { TimeLimit } from './time-limit.js';

/**
 * Where the server is: an absolute path, or a descriptor that is connected already and that no stream was made of. The
 * descriptor passes to us where it is admitted; where it is not, it stays the caller's to close.
 */
export type ConnectTarget = string | { readonly fd: number };

/** What every verified connect may be told. */
export interface ConnectSettings {
  /** Milliseconds for all of it: names, the connect, attestation and decision. 5000 unless told. */
  readonly timeoutMs?: number;
  /**
   * What becomes of a server whose listener was made by another process, where that can be told: `refuse`, with the code
   * `listener-inherited`, unless told. `allow` has the policy judge the maker of the listener in its server's place.
   */
  readonly inherited?: 'refuse' | 'allow';
  /** The name that rules may be bound to and the admission carries. */
  readonly listener?: string;
  /** Milliseconds since the epoch. */
  readonly clock?: () => number;
}

/** Plain values: no container is needed. Whoever made the attestors closes them. */
export interface ConnectOptions extends ConnectSettings {
  /** Or how to load it, which then counts towards the timeout. */
  readonly policy: Policy | (() => Promise<Policy>);
  readonly peerSource: PeerSource;
  readonly attestors: readonly Attestor[];
  readonly connectPort: ConnectPort;
}

/** Between two tries at a server whose queue is full. */
const PAUSE_MS = 10;

/**
 * Connects, and has the policy decide on the **server** before anything else can use the connection: no stream exists
 * until then, so no byte of ours reaches a server that was not admitted (I1). What is decided on was frozen by the kernel
 * for this very connection, and is of the process that called `listen()` last. `admissionOf(socket)` says who it is.
 * @throws ServerRefused `SERVER_REFUSED`
 * @throws PortcullisError `CONNECT_TIMEOUT`, `CONNECT_SYSTEM`, `CONNECT_OPTIONS`, or what an attestor's `prepare` throws
 */
export async function connectVerified(target: ConnectTarget, options: ConnectOptions): Promise<Socket> {
  checkConnect(target, options);
  const limit = new TimeLimit(options.timeoutMs ?? DEFAULTS.deadlineMs, describeTarget(target));
  // First: no connection is held open while a directory service is asked for names.
  const policy = await limit.race(prepared(options));
  if (typeof target !== 'string') return verified(target.fd as Fd, target, policy, options, limit);
  const fd = await connect(target, options.connectPort, limit);
  try {
    return await verified(fd, target, policy, options, limit);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** As messages call it: `the server behind …`. */
function describeTarget(target: ConnectTarget): string {
  return typeof target === 'string' ? `\`${target}\`` : `descriptor ${String(target.fd)}`;
}

async function prepared({ policy: given, attestors }: ConnectOptions): Promise<Policy> {
  const policy = typeof given === 'function' ? await given() : given;
  await prepareAttestors(attestors, policy);
  return policy;
}

async function connect(path: string, port: ConnectPort, limit: TimeLimit): Promise<Fd> {
  for (;;) {
    const fd = port.connect(path);
    if (fd !== undefined) return fd;
    limit.check();
    await sleep(PAUSE_MS); // its queue is full: a server that is busy, or one that never accepts
  }
}

async function verified(fd: Fd, target: ConnectTarget, policy: Policy, options: ConnectOptions, limit: TimeLimit): Promise<Socket> {
  const context: PolicyContext = { listener: options.listener ?? DEFAULTS.listener, nowMs: (options.clock ?? Date.now)() };
  const collector = new Collector(options.attestors);
  const engine = new Engine(options.peerSource, collector, Math.max(1, limit.leftMs));
  const attested = await engine.admit({ fd, origin: undefined }, policy, context, () => undefined);
  try {
    const admission = new Admission({ ...attested, decision: examined(attested, fd, options) }, policy, context);
    if (admission.decision.cause === 'deadline') throw limit.passed();
    limit.check();
    if (admission.decision.effect !== 'allow') {
      addUserName(attested, collector);
      throw new ServerRefused(describeTarget(target), admission);
    }
    const socket = socketOver(fd);
    bindAdmission(socket, admission);
    return socket;
  } finally {
    attested.peer?.close();
  }
}

/** The policy's word, unless the listener itself speaks against it: then whom the policy saw is not who serves. */
function examined({ decision, peer, failure }: Attested, fd: Fd, { connectPort, inherited }: ConnectOptions): Decision {
  if (peer === undefined || failure !== undefined) return decision;
  const found = connectPort.examine(fd);
  if (found === undefined) return decision;
  // The maker was to be judged, and was: by what is frozen. A maker that is gone has no program to be judged by.
  if (found.refused === 'listener-inherited' && inherited === 'allow' && decision.cause !== 'peer-lost') return decision;
  return refusal(decision.cause === 'peer-lost' ? 'peer-lost' : 'peer-refused', found.refused, found.detail);
}

function checkConnect(target: ConnectTarget, { timeoutMs, inherited }: ConnectSettings): void {
  if (typeof target !== 'string' && !(Number.isSafeInteger(target.fd) && target.fd >= 0)) {
    throw invalid('fd', `\`fd\` must be a descriptor, not ${String(target.fd)}`);
  }
  if (timeoutMs !== undefined && !(Number.isSafeInteger(timeoutMs) && timeoutMs >= 1 && timeoutMs <= LONGEST_TIMER_MS)) {
    throw invalid('timeoutMs', `\`timeoutMs\` must be a whole number from 1 to ${String(LONGEST_TIMER_MS)}, not ${String(timeoutMs)}`);
  }
  if (inherited !== undefined && !['refuse', 'allow'].includes(inherited)) {
    throw invalid('inherited', `\`inherited\` must be \`refuse\` or \`allow\`, not \`${inherited}\``);
  }
}

function invalid(option: string, message: string): PortcullisError {
  return new PortcullisError('CONNECT_OPTIONS', message, { facts: { option } });
}
