import type { Admission } from './admission.js';
import type { Candidate } from './candidate.js';
import type { Collector } from './collect.js';
import type { RefusalCode } from './decision.js';
import type { Attested } from './engine.js';
import { unknown, type Evidenced, type UnknownReason } from './evidence.js';
import type { AfterDecision, DecisionSink } from './events.js';
import { LONGEST_TIMER_MS } from './live.js';
import type { Peer } from './peer.js';
import type { PendingAdmissions } from './pending.js';
import type { Policy, PolicyContext } from './policy.js';
import type { SelectorKey } from './selector.js';

interface Kept {
  readonly admission: Admission;
  readonly peer: Peer | undefined;
  readonly evidence: Map<SelectorKey, Evidenced>;
  readonly policy: Policy;
  readonly context: PolicyContext;
  readonly candidate: Candidate | undefined;
}

export interface RecordOptions {
  readonly sink: DecisionSink | undefined;
  readonly collect: readonly SelectorKey[];
  /** Of this moment. */
  readonly candidate?: () => Candidate | undefined;
  /** How long the peer is held for answers that nobody waits for. */
  readonly deadlineMs: number;
  /** Caps on those peers, as a flood could otherwise hold as many as it likes (T20). */
  readonly waiting: PendingAdmissions;
}

/**
 * What follows a decision: keys that only shadow rules, the candidate or the record want are collected from the still pinned
 * peer, shadow rules and candidate are asked, the peer is let go, and sink and listeners hear of it. None of it can change the decision.
 */
export class RecordKeeper {
  readonly #collector: Collector;
  readonly #after: AfterDecision;
  readonly #options: RecordOptions;
  readonly #late = new Set<Promise<void>>();
  /** One for each record that waits: ends its wait. */
  readonly #waits = new Set<() => void>();
  #cutShort = false;

  constructor(collector: Collector, after: AfterDecision, options: RecordOptions) {
    this.#collector = collector;
    this.#after = after;
    this.#options = options;
  }

  keep(admission: Admission, { peer, evidence }: Attested, policy: Policy, context: PolicyContext): void {
    if (!this.#isHeard(admission)) {
      this.letGo(peer);
      return;
    }
    const kept = { admission, peer, evidence, policy, context, candidate: this.#options.candidate?.() };
    // A refused peer is about to lose its connection, and often exits at once: what the record wants is read before that.
    const early = !admission.admitted ? this.#collectMoreOf(kept) : undefined;
    this.#after.later(() => { this.#complete(kept, !admission.admitted ? early : this.#collectMoreOf(kept)); });
  }

  /** Whether somebody wants to know of it: without sink and listeners a connection costs nothing after its decision. */
  #isHeard({ admitted, failure }: Admission): boolean {
    const { emitter } = this.#after;
    if (this.#options.sink !== undefined || this.#options.candidate?.() !== undefined || emitter.listenerCount(admitted ? 'admitted' : 'denied') > 0) return true;
    return emitter.listenerCount('shadow') > 0 || (failure !== undefined && emitter.listenerCount('failed') > 0);
  }

  /** Resolves once every record was told. Those that wait for late answers are told without them after `mostMs`. */
  async settled(mostMs: number): Promise<void> {
    this.#after.flush();
    const timer = setTimeout(() => {
      this.#cutShort = true;
      for (const end of this.#waits) end();
    }, Math.min(mostMs, LONGEST_TIMER_MS));
    while (this.#late.size > 0) await Promise.all(this.#late);
    clearTimeout(timer);
  }

  /** A promise, only where an attestor answers late, that never rejects. */
  #collectMoreOf(kept: Kept): Promise<void> | undefined {
    try {
      const late = kept.peer !== undefined && asksMore(kept.admission) ? this.#collectMore(kept, kept.peer) : undefined;
      return late?.catch((error: unknown) => { this.#after.fail('record', error); });
    } catch (error) {
      this.#after.fail('record', error);
      return undefined;
    }
  }

  #complete(kept: Kept, late: Promise<void> | undefined): void {
    if (late === undefined) {
      this.#tell(kept);
      return;
    }
    const told = late.then(() => { this.#late.delete(told); this.#tell(kept); });
    this.#late.add(told);
  }

  /** Returns a promise only when an attestor answers late. */
  #collectMore(kept: Kept, peer: Peer): Promise<void> | undefined {
    const wanted = this.#wanted(kept);
    if (wanted.size === 0 || this.#cutShort) return undefined;
    // Apart from the evidence: nothing is shown before it is verified, and nothing that comes too late is shown at all.
    const found = new Map<SelectorKey, Evidenced>();
    const timer = new AbortController();
    const late = this.#collector.collect(wanted, peer, found, timer.signal, kept.evidence);
    if (late === undefined) {
      adopt(kept.evidence, new Map(found), peer);
      return this.#collectMore(kept, peer);
    }
    const { uid } = peer.credentials;
    if (this.#options.waiting.enter(uid) !== undefined) {
      late.catch(() => undefined);
      timer.abort();
      for (const key of wanted) if (!kept.evidence.has(key)) kept.evidence.set(key, unknown('limit', 'too many records wait for late answers'));
      return undefined;
    }
    return this.#atMost(late, timer).finally(() => { this.#options.waiting.leave(uid); }).then((inTime) => {
      const added = new Map(found);
      if (!inTime) for (const key of wanted) if (!added.has(key)) added.set(key, unknown('timeout'));
      adopt(kept.evidence, added, peer);
      return this.#collectMore(kept, peer);
    });
  }

  #wanted({ admission, policy, evidence, context, candidate }: Kept): ReadonlySet<SelectorKey> {
    const shadow = policy.wantedByShadow(evidence, context);
    const missing = this.#options.collect.filter((key) => !evidence.has(key));
    const ofCandidate = candidate?.wanted(admission.decision, evidence, context);
    if (missing.length === 0 && ofCandidate === undefined) return shadow;
    return new Set([...shadow, ...missing, ...(ofCandidate ?? [])]);
  }

  /** Nobody waits for these answers, but the peer's descriptors do: they are let go after the deadline at the latest. */
  async #atMost(late: Promise<void>, controller: AbortController): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    let end: (() => void) | undefined;
    const deadline = new Promise<false>((resolve) => {
      end = () => { resolve(false); };
      timer = setTimeout(end, this.#options.deadlineMs);
      this.#waits.add(end);
    });
    try {
      const inTime = await Promise.race([late.then(() => true), deadline]);
      if (!inTime) controller.abort(new Error('the deadline for the record passed'));
      return inTime;
    } catch (error) {
      controller.abort(error);
      throw error;
    } finally {
      clearTimeout(timer);
      if (end !== undefined) this.#waits.delete(end);
    }
  }

  #tell({ admission, peer, evidence, policy, context, candidate }: Kept): void {
    this.#after.guarded('record', () => { admission.shadow = policy.shadow(evidence, context); });
    if (candidate !== undefined) this.#after.guarded('record', () => { admission.candidate = candidate.compare(admission.decision, evidence, context); });
    this.letGo(peer);
    const { sink } = this.#options;
    if (sink !== undefined) this.#after.guarded('sink', () => sink.record(admission));
    if (admission.failure !== undefined) this.#after.fail('attest', admission.failure);
    this.#after.emit(admission.admitted ? 'admitted' : 'denied', admission);
    if (admission.shadow.length > 0 || admission.candidate?.diverges === true) this.#after.emit('shadow', admission);
  }

  /** A peer that cannot be closed is reported: it stands in nobody's way. */
  letGo(peer: Pick<Peer, 'close'> | undefined): void {
    try {
      peer?.close();
    } catch (error) {
      this.#after.fail('record', error);
    }
  }
}

/** A connection that was refused for want of room or time costs nothing more (T20). */
function asksMore({ failure, decision }: Admission): boolean {
  return failure === undefined && decision.cause !== 'capacity' && decision.cause !== 'closing';
}

/** What a peer that was lost leaves unknown, where it has not exited. */
const REASONS: Partial<Record<RefusalCode, UnknownReason>> = { 'peer-changed': 'peer-changed', 'peer-unseen': 'timeout' };

/** I3 for what was read after the decision: if the peer is another by now, what was added is not evidence. */
function adopt(evidence: Map<SelectorKey, Evidenced>, added: ReadonlyMap<SelectorKey, Evidenced>, peer: Peer): void {
  const lost = peer.verify();
  const before = evidence.size;
  for (const [key, entry] of added) {
    if (evidence.has(key)) continue; // what the decision rested on stays as it was
    evidence.set(key, lost === undefined ? entry : unknown(REASONS[lost.refused] ?? 'peer-exited', lost.detail));
  }
  if (evidence.size === before) throw new Error('the policy wants keys for its shadow rules, or the candidate wants keys, that were answered already');
}
