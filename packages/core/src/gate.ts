import { createServer, Socket, type Server } from 'node:net';
import { Arrivals } from './arrivals.js';
import type { Divergence } from './candidate.js';
import { Collector } from './collect.js';
import type { Catalogue } from './catalogue.js';
import { processBudget } from './descriptor-budget.js';
import { Enforcer } from './enforcer.js';
import { Engine } from './engine.js';
import { PortcullisError } from './errors.js';
import { AfterDecision, type GateEvents } from './events.js';
import { checkCollect, checkOptions, DEFAULTS, type GateOptions } from './gate-options.js';
import { guardOf, guardServer } from './guard.js';
import { Handoffs } from './handoffs.js';
import { Leases } from './lease.js';
import { Limiter } from './limits/limiter.js';
import { TokenBuckets } from './limits/token-buckets.js';
import { LiveConnections } from './live.js';
import { observedKeys } from './observe.js';
import type { Uid } from './peer.js';
import { PendingAdmissions } from './pending.js';
import { PolicyInForce } from './policy-in-force.js';
import type { Policy } from './policy.js';
import { prepareAttestors } from './prepare.js';
import { Recheck } from './recheck.js';
import { RecordKeeper } from './record-keeper.js';
import { Lingering, type RefusalStyle } from './refuse.js';
import { serve, stopListening, type Listening, type ListenTarget } from './serve.js';
import { socketFd } from './socket-fd.js';

export type { Server } from 'node:net';
export { Socket } from 'node:net';

/** A stream over a connected descriptor, which is the stream's from then on. Reads into its buffer, and waits for its consumer. */
export function socketOver(fd: number): Socket {
  return new Socket({ fd, readable: true, writable: true });
}

/** A server of any protocol over `net`, or a function that takes admitted sockets (gRPC's injector, MCP's transport). */
export type Guarded = Server | ((socket: Socket) => void);

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
  readonly #limiter = new Limiter();
  readonly #live: LiveConnections;
  readonly #arrivals: Arrivals;
  readonly #listening: Listening[] = [];
  readonly #handoffs: Handoffs;
  readonly #inForce: PolicyInForce;
  readonly #recheck: Recheck;
  #closing: Promise<void> | undefined;

  /** Use `createGate`, which prepares the policy first. */
  constructor(options: GateOptions, warnings: readonly string[] = []) {
    checkOptions(options);
    this.#options = options;
    this.listener = options.listener ?? DEFAULTS.listener;
    const deadlineMs = options.deadlineMs ?? DEFAULTS.deadlineMs;
    const maxPending = options.maxPending ?? DEFAULTS.maxPending;
    const maxPendingPerUid = options.maxPendingPerUid ?? DEFAULTS.maxPendingPerUid;
    const collector = new Collector(options.attestors);
    checkCollect(options.collect ?? [], collector.catalogue);
    const clock = options.clock ?? Date.now;
    const budget = options.budget ?? processBudget(options.peerSource);
    this.#live = new LiveConnections(budget);
    const leases = new Leases(this.#after, options.sink);
    const perUid = options.ratePerUid && new TokenBuckets<Uid>(options.ratePerUid, undefined);
    this.#engine = new Engine(options.peerSource, collector, deadlineMs, perUid);
    this.#pending = PendingAdmissions.within(budget, maxPending, maxPendingPerUid);
    // A record that waits outlives its connection and holds a peer: the budget reckons with one for each connection.
    const waiting = PendingAdmissions.within(budget, maxPending, maxPendingPerUid);
    const collect = options.observe === true ? [...new Set([...observedKeys(collector.catalogue), ...(options.collect ?? [])])] : (options.collect ?? []);
    this.#records = new RecordKeeper(collector, this.#after, { sink: options.sink, collect, candidate: () => this.#inForce.candidate, deadlineMs, waiting });
    this.#handoffs = new Handoffs(options.handoffPort, this.listener, budget);
    const enforcer = new Enforcer({
      records: this.#records, limiter: this.#limiter, live: this.#live, leases, handoffs: this.#handoffs,
      lingering: new Lingering(budget, this.#live), refusal: this.#refusal, observes: this.observes,
    });
    this.warnings = [...warnings, ...this.#handoffs.prepareFor(options.policy)];
    const before = (policy: Policy): readonly string[] => this.#handoffs.prepareFor(policy);
    this.#inForce = new PolicyInForce(options.policy, this.warnings, { attestors: options.attestors, before }, this.#after, options.refreshMs ?? DEFAULTS.refreshMs, options.candidate);
    this.#arrivals = new Arrivals({
      listener: this.listener, clock, engine: this.#engine, live: this.#live, budget, pending: this.#pending, limiter: this.#limiter,
      records: this.#records, enforcer, refusal: this.#refusal, policy: () => this.policy, isClosing: () => this.#isClosing(),
    });
    this.#recheck = new Recheck({
      engine: this.#engine, live: this.#live, leases, after: this.#after, graceMs: options.policyGraceMs ?? 0,
      listener: this.listener, clock, policy: () => this.policy,
    });
  }

  get catalogue(): Catalogue {
    return this.#engine.collector.catalogue;
  }

  get policy(): Policy {
    return this.#inForce.policy;
  }

  /** Whether everyone is admitted, and what would have been decided only recorded. */
  get observes(): boolean {
    return this.#options.observe === true;
  }

  /** What the candidate would have decided otherwise, since it was set; undefined where there is none. */
  get divergence(): (Divergence & { readonly policy: Policy }) | undefined {
    return this.#inForce.candidate;
  }

  /** Admitted and lingering connections, and admissions that wait for a late answer. */
  get load(): { readonly live: number; readonly pending: number } {
    return { live: this.#live.count, pending: this.#pending.count };
  }

  on<Name extends keyof GateEvents>(name: Name, listener: GateEvents[Name]): this {
    // eventemitter3 spreads its argument types over the names, which TypeScript cannot follow for a generic name.
    (this.#after.emitter.on as (name: Name, listener: GateEvents[Name]) => unknown).call(this.#after.emitter, name, listener);
    return this;
  }

  /**
   * Prepares attestors for `policy`, then swaps one reference. A failure keeps the policy that works. Live connections are
   * decided anew by it afterwards (event `rechecked`): those that it does not admit are revoked.
   */
  async setPolicy(policy: Policy): Promise<void> {
    await this.#inForce.set(policy);
    this.#limiter.retain(this.policy.limits ?? []);
    void this.#recheck.run(policy);
  }

  /** Asks another candidate beside the policy in force from now on, or none, and counts anew. A failure keeps the one that was. */
  setCandidate(policy: Policy | undefined): Promise<void> {
    return this.#inForce.setCandidate(policy);
  }

  /**
   * Puts the gate before a server that others made: every connection is attested before the server's own listeners see it.
   * @throws PortcullisError `GATE_GUARDED_TWICE`; `GATE_OPTIONS` where an HTTP refusal would be written before TLS.
   */
  guard(server: Server): void {
    guardServer(server, this, this.#refusal, this.#arrivals.arrive);
    this.#handoffs.add(server);
    this.#refuseDescriptors(server); // it may listen already
    server.prependListener('listening', () => {
      this.#refuseDescriptors(server);
      if (this.#handoffs.wanted) this.#after.guarded('listener', () => { this.#handoffs.name(socketFd(server)); });
    });
  }

  /** Guards `target` and listens. Resolves once connections are accepted. @throws PortcullisError `LISTEN_*`, and those of `guard` */
  async listen(target: Guarded, where: ListenTarget): Promise<Listening> {
    if (this.#closing !== undefined) throw new PortcullisError('GATE_CLOSED', 'this gate was closed');
    const server = typeof target === 'function' ? createServer(target) : target;
    if (guardOf(server) !== this) this.guard(server);
    const prepared = 'path' in where ? { ...where, refuseDescriptors: true, ...(this.#handoffs.wanted && { nameSenders: true }) } : where;
    const listening = await serve(server, prepared, this.#options.listenPort, this.#options.peerSource.transport);
    // An accept that fails (EMFILE) is an event of the server, which ends the process where nobody listens for it (T20).
    server.on('error', (error) => { this.#after.fail('listener', error); });
    this.#listening.push(listening);
    // Closed while it began to listen: nobody else would close this one.
    if (this.#isClosing()) {
      await stopListening(listening);
      throw new PortcullisError('GATE_CLOSED', 'this gate was closed');
    }
    return listening;
  }

  /**
   * Stops accepting, refuses pending admissions, lets live connections end for at most `drainMs`, then ends them. Resolves
   * when every record was told; one that still waits for late answers is told without them when that time is over.
   * Idempotent: later calls wait for the first.
   */
  close(options: { readonly drainMs?: number } = {}): Promise<void> {
    return (this.#closing ??= this.#close(options.drainMs ?? DEFAULTS.drainMs));
  }

  /** Ends all live connections now: what a second signal asks for. */
  destroy(): void {
    this.#live.destroyAll();
  }

  async #close(drainMs: number): Promise<void> {
    const began = performance.now();
    this.#inForce.close();
    this.#engine.stop();
    const stopped = this.#listening.map(stopListening);
    await this.#live.drain(drainMs);
    await Promise.all(stopped);
    await this.#records.settled(Math.max(0, drainMs - (performance.now() - began)));
    if (this.#options.sharedAttestors === true) return;
    for (const attestor of this.#options.attestors) {
      try {
        await attestor.close?.();
      } catch (error) {
        this.#after.fail('close', error);
      }
    }
  }

  /** To let go of one can hold up this process, also where the connection that it came by is refused unread (T20). */
  #refuseDescriptors(server: Server): void {
    const fd = socketFd(server);
    if (fd !== undefined) this.#options.listenPort?.refuseDescriptors?.(fd);
  }

  get #refusal(): RefusalStyle {
    return this.#options.refusal ?? 'close';
  }

  #isClosing(): boolean {
    return this.#closing !== undefined;
  }
}

/** @throws PortcullisError `GATE_OPTIONS`, or whatever an attestor's `prepare` throws: a gate that starts can decide. */
export async function createGate(options: GateOptions): Promise<Gate> {
  const warnings = await prepareAttestors(options.attestors, options.policy, ...(options.candidate === undefined ? [] : [options.candidate]));
  return new Gate(options, warnings);
}
