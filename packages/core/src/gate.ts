import { createServer, type Server, type Socket } from 'node:net';
import { activatedFd } from './activation.js';
import { Admission, bindAdmission } from './admission.js';
import { Collector } from './collect.js';
import type { Catalogue } from './catalogue.js';
import type { Decision, RefusalCode } from './decision.js';
import { processBudget, type DescriptorBudget } from './descriptor-budget.js';
import { Engine, refusal, type Attested } from './engine.js';
import { PortcullisError } from './errors.js';
import { AfterDecision, type GateEvents } from './events.js';
import { checkOptions, DEFAULTS, type GateOptions } from './gate-options.js';
import type { BindOptions, BoundSocket } from './listener.js';
import type { Fd, PeerCredentials } from './peer.js';
import { PendingAdmissions } from './pending.js';
import type { Policy, PolicyContext } from './policy.js';
import { prepareAttestors } from './prepare.js';
import { RecordKeeper } from './record-keeper.js';
import { refuse, type RefusalStyle } from './refuse.js';
import { SocketConnection } from './socket-fd.js';

export type { Server, Socket } from 'node:net';

/** Where a gate listens: a path that it makes safely, a listening descriptor, or a socket that systemd passed by name. */
export type ListenTarget = BindOptions | { readonly fd: number } | { readonly systemd: string };

/** A server of any protocol over `net`, or a function that takes admitted sockets (gRPC's injector, MCP's transport). */
export type Guarded = Server | ((socket: Socket) => void);

export interface Listening {
  readonly server: Server;
  /** The real path, where the gate made the socket. */
  readonly path: string | undefined;
  /** What the safe listen had to be told to overlook, and whether a stale socket was taken over. */
  readonly bound: BoundSocket | undefined;
}

const GUARDED = Symbol('portcullis.guarded');

/**
 * Stands before a server: reading is paused from the accept until the peer is admitted, so that no byte of a refused
 * connection reaches the application (I1). Made by `createGate`.
 */
export class Gate {
  readonly listener: string;
  /** What attestors warned of when they prepared for the first policy. */
  readonly warnings: readonly string[];
  readonly #options: GateOptions;
  readonly #engine: Engine;
  readonly #after = new AfterDecision();
  readonly #records: RecordKeeper;
  readonly #pending: PendingAdmissions;
  readonly #budget: DescriptorBudget | undefined;
  readonly #clock: () => number;
  readonly #style: RefusalStyle;
  readonly #live = new Set<Socket>();
  readonly #listening: Listening[] = [];
  readonly #refresh: NodeJS.Timeout | undefined;
  #policy: Policy;
  #closing: Promise<void> | undefined;
  #whenEmpty: (() => void) | undefined;
  readonly #onClose: (this: Socket) => void;

  /** Use `createGate`, which prepares the policy first. */
  constructor(options: GateOptions, warnings: readonly string[] = []) {
    checkOptions(options);
    this.warnings = warnings;
    this.#options = options;
    this.listener = options.listener ?? DEFAULTS.listener;
    this.#policy = options.policy;
    const deadlineMs = options.deadlineMs ?? DEFAULTS.deadlineMs;
    const collector = new Collector(options.attestors);
    this.#engine = new Engine(options.peerSource, collector, deadlineMs);
    this.#records = new RecordKeeper(collector, this.#after, options.sink, options.collect ?? [], deadlineMs);
    this.#pending = new PendingAdmissions(options.maxPending ?? DEFAULTS.maxPending, options.maxPendingPerUid ?? DEFAULTS.maxPendingPerUid);
    this.#budget = options.budget ?? processBudget(options.peerSource);
    this.#clock = options.clock ?? Date.now;
    this.#style = options.refusal ?? 'close';
    const refreshMs = options.refreshMs ?? DEFAULTS.refreshMs;
    const left = (socket: Socket): void => { this.#left(socket); };
    // One function for all sockets: a closure for each would be memory for each.
    this.#onClose = function () { left(this); };
    if (refreshMs > 0) this.#refresh = setInterval(() => void this.#prepareAgain(), refreshMs).unref();
  }

  get catalogue(): Catalogue {
    return this.#engine.collector.catalogue;
  }

  get policy(): Policy {
    return this.#policy;
  }

  /** Admitted and lingering connections, and admissions that wait for a late answer. */
  get load(): { readonly live: number; readonly pending: number } {
    return { live: this.#live.size, pending: this.#pending.count };
  }

  on<Name extends keyof GateEvents>(name: Name, listener: GateEvents[Name]): this {
    // eventemitter3 spreads its argument types over the names, which TypeScript cannot follow for a generic name.
    (this.#after.emitter.on as (name: Name, listener: GateEvents[Name]) => unknown).call(this.#after.emitter, name, listener);
    return this;
  }

  /** Prepares attestors for `policy`, then swaps one reference. A failure keeps the policy that works. */
  async setPolicy(policy: Policy): Promise<void> {
    const warnings = await prepareAttestors(this.#options.attestors, policy);
    const previous = this.#policy.revision;
    this.#policy = policy;
    this.#after.later(() => this.#after.emitter.emit('policy', { name: policy.name, revision: policy.revision, previous, warnings }));
  }

  /**
   * Puts the gate before a server that others made: every connection is attested before the server's own listeners see it.
   * @throws PortcullisError `GATE_GUARDED_TWICE`; `GATE_OPTIONS` where an HTTP refusal would be written before TLS.
   */
  guard(server: Server): void {
    if (Reflect.has(server, GUARDED)) throw new PortcullisError('GATE_GUARDED_TWICE', 'this server is behind a gate already');
    if (this.#style !== 'close' && 'setSecureContext' in server) {
      throw new PortcullisError('GATE_OPTIONS', 'a refusal in HTTP cannot be written before the TLS handshake: use `refusal: close`');
    }
    Object.defineProperty(server, GUARDED, { value: true });
    const emit = server.emit.bind(server) as (name: string, ...rest: unknown[]) => boolean;
    const wasPaused = Reflect.get(server, 'pauseOnConnect') === true;
    Reflect.set(server, 'pauseOnConnect', true);
    const handOver = (socket: Socket): void => {
      if (!wasPaused) startReading(socket);
      emit('connection', socket);
    };
    const guarded = (name: string, ...rest: unknown[]): boolean => {
      if (name !== 'connection') return emit(name, ...rest);
      this.#arrive(rest[0] as Socket, handOver);
      return true;
    };
    server.emit = guarded as Server['emit'];
  }

  /** Guards `target` and listens. Resolves once connections are accepted. @throws PortcullisError `LISTEN_*` */
  async listen(target: Guarded, where: ListenTarget): Promise<Listening> {
    if (this.#closing !== undefined) throw new PortcullisError('GATE_CLOSED', 'this gate was closed');
    const server = typeof target === 'function' ? createServer(target) : target;
    const bound = 'path' in where ? this.#bind(where) : undefined;
    try {
      const fd = bound?.fd ?? this.#adopt(where as Exclude<ListenTarget, BindOptions>);
      if (!Reflect.has(server, GUARDED)) this.guard(server);
      await listening(server, fd);
    } catch (error) {
      bound?.release();
      throw error;
    }
    const result: Listening = { server, path: bound?.path, bound };
    this.#listening.push(result);
    return result;
  }

  /**
   * Stops accepting, lets live connections end for at most `drainMs`, then ends them. Pending admissions are refused.
   * Idempotent: later calls wait for the first.
   */
  close(options: { readonly drainMs?: number } = {}): Promise<void> {
    return (this.#closing ??= this.#close(options.drainMs ?? DEFAULTS.drainMs));
  }

  /** Ends all live connections now: what a second signal asks for. */
  destroy(): void {
    for (const socket of this.#live) socket.destroy();
  }

  async #close(drainMs: number): Promise<void> {
    clearInterval(this.#refresh);
    const closed = this.#listening.map(({ server, bound }) => {
      bound?.release();
      return new Promise<void>((resolve) => server.close(() => { resolve(); }));
    });
    if (this.#live.size > 0) {
      const timer = setTimeout(() => { this.destroy(); }, drainMs);
      await new Promise<void>((resolve) => { this.#whenEmpty = resolve; });
      clearTimeout(timer);
    }
    await Promise.all(closed);
    this.#after.flush();
    if (this.#options.sharedAttestors !== true) {
      for (const attestor of this.#options.attestors) await attestor.close?.();
    }
  }

  #bind(where: BindOptions): BoundSocket {
    if (this.#options.listenPort !== undefined) return this.#options.listenPort.bind(where);
    throw new PortcullisError('PLATFORM_UNSUPPORTED', 'this gate has no `listenPort`: it cannot make a socket safely');
  }

  #adopt(where: Exclude<ListenTarget, BindOptions>): Fd {
    const fd = 'fd' in where ? (where.fd as Fd) : activatedFd(where.systemd);
    this.#options.listenPort?.adopt(fd);
    return fd;
  }

  /** A connection came: nothing of it was read yet. */
  #arrive(socket: Socket, handOver: (socket: Socket) => void): void {
    const policy = this.#policy;
    const context: PolicyContext = { listener: this.listener, nowMs: this.#clock() };
    if (this.#budget?.take() === false) {
      this.#settle(unattested(refusal('capacity', 'descriptor-limit', `this process may hold ${String(this.#budget.capacity)} connections`)), policy, context, socket, handOver, 'close');
      return;
    }
    this.#live.add(socket);
    socket.on('close', this.#onClose);
    if (this.#closing !== undefined) {
      this.#settle(unattested(refusal('closing')), policy, context, socket, handOver);
      return;
    }
    const attested = this.#engine.admit(new SocketConnection(socket, acceptedBy(socket)), policy, context, this.#mayWait);
    if (!(attested instanceof Promise)) {
      this.#settle(attested, policy, context, socket, handOver);
      return;
    }
    void attested.then((late) => {
      if (late.credentials !== undefined) this.#pending.leave(late.credentials.uid);
      const drained = this.#closing === undefined ? late : { ...late, decision: refusal('closing') };
      this.#settle(drained, policy, context, socket, handOver);
    });
  }

  readonly #mayWait = (credentials: PeerCredentials): RefusalCode | undefined => this.#pending.enter(credentials.uid);

  /** Carries the decision out: the one place where a connection is let through. */
  #settle(attested: Attested, policy: Policy, context: PolicyContext, socket: Socket, handOver: (socket: Socket) => void, style = this.#style): void {
    const admission = new Admission(attested, policy, context);
    this.#records.keep(admission, attested, policy, context);
    if (admission.decision.effect === 'allow' && !socket.destroyed) {
      bindAdmission(socket, admission);
      handOver(socket);
    } else {
      refuse(socket, style);
    }
  }

  #left(socket: Socket): void {
    this.#live.delete(socket);
    this.#budget?.give();
    if (this.#live.size === 0) this.#whenEmpty?.();
  }

  async #prepareAgain(): Promise<void> {
    try {
      await prepareAttestors(this.#options.attestors, this.#policy);
    } catch (error) {
      this.#after.fail('prepare', error);
    }
  }
}

/** @throws PortcullisError `GATE_OPTIONS`, or whatever an attestor's `prepare` throws: a gate that starts can decide. */
export async function createGate(options: GateOptions): Promise<Gate> {
  const warnings = await prepareAttestors(options.attestors, options.policy);
  return new Gate(options, warnings);
}

function unattested(decision: Decision): Attested {
  return { decision, evidence: new Map(), peer: undefined, credentials: undefined, stages: { open: 0, collect: 0, verify: 0, decide: 0 } };
}

/** The server that accepted a socket itself, as Node notes it; a socket that somebody injects has another, or none. */
function acceptedBy(socket: Socket): object | undefined {
  const server: unknown = Reflect.get(socket, 'server');
  return typeof server === 'object' && server !== null ? server : undefined;
}

function startReading(socket: Socket): void {
  // As Node leaves a socket that nobody paused: the handle reads, and the stream waits for its first consumer.
  Reflect.set(socket, 'readableFlowing', null);
  socket.read(0);
}

function listening(server: Server, fd: Fd): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ fd }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
