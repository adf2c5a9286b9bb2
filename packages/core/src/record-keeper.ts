import type { Admission } from './admission.js';
import type { Collector } from './collect.js';
import type { Attested } from './engine.js';
import { unknown, type Evidenced } from './evidence.js';
import type { AfterDecision, DecisionSink } from './events.js';
import type { Peer } from './peer.js';
import type { Policy, PolicyContext } from './policy.js';
import type { SelectorKey } from './selector.js';

interface Kept {
  readonly admission: Admission;
  readonly peer: Peer | undefined;
  readonly evidence: Map<SelectorKey, Evidenced>;
  readonly policy: Policy;
  readonly context: PolicyContext;
}

/**
 * What follows a decision: keys that only shadow rules or the record want are collected from the still pinned peer, the
 * shadow rules are asked, the peer is let go, and sink and listeners hear of it. None of it can change the decision.
 */
export class RecordKeeper {
  readonly #collector: Collector;
  readonly #after: AfterDecision;
  readonly #sink: DecisionSink | undefined;
  readonly #collect: readonly SelectorKey[];
  readonly #deadlineMs: number;

  constructor(collector: Collector, after: AfterDecision, sink: DecisionSink | undefined, collect: readonly SelectorKey[], deadlineMs: number) {
    this.#collector = collector;
    this.#after = after;
    this.#sink = sink;
    this.#collect = collect;
    this.#deadlineMs = deadlineMs;
  }

  keep(admission: Admission, attested: Attested, policy: Policy, context: PolicyContext): void {
    const { peer, evidence } = attested;
    if (this.#sink === undefined && this.#after.emitter.eventNames().length === 0) {
      peer?.close();
      return;
    }
    this.#after.later(() => { this.#complete({ admission, peer, evidence, policy, context }); });
  }

  #complete(kept: Kept): void {
    let late: Promise<void> | undefined;
    try {
      late = kept.peer === undefined || kept.admission.failure !== undefined ? undefined : this.#collectMore(kept, kept.peer);
    } catch (error) {
      this.#after.fail('record', error);
    }
    if (late === undefined) this.#tell(kept);
    else void late.catch((error: unknown) => { this.#after.fail('record', error); }).then(() => { this.#tell(kept); });
  }

  /** Returns a promise only when an attestor answers late. */
  #collectMore(kept: Kept, peer: Peer): Promise<void> | undefined {
    const wanted = this.#wanted(kept);
    if (wanted.size === 0) return undefined;
    const known = new Set(kept.evidence.keys());
    const timer = new AbortController();
    const late = this.#collector.collect(wanted, peer, kept.evidence, timer.signal);
    if (late === undefined) {
      verifyAdded(peer, kept.evidence, known);
      return this.#collectMore(kept, peer);
    }
    return this.#atMost(late, timer).then(() => {
      for (const key of wanted) if (!kept.evidence.has(key)) kept.evidence.set(key, unknown('timeout'));
      verifyAdded(peer, kept.evidence, known);
      return this.#collectMore(kept, peer);
    });
  }

  #wanted({ policy, evidence, context }: Kept): ReadonlySet<SelectorKey> {
    const shadow = policy.wantedByShadow(evidence, context);
    const missing = this.#collect.filter((key) => !evidence.has(key));
    return missing.length === 0 ? shadow : new Set([...shadow, ...missing]);
  }

  /** Nobody waits for these answers, but the peer's descriptors do: they are let go after the deadline at the latest. */
  async #atMost(late: Promise<void>, controller: AbortController): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<void>((resolve) => { timer = setTimeout(resolve, this.#deadlineMs); });
    await Promise.race([late, deadline]);
    clearTimeout(timer);
    controller.abort();
  }

  #tell({ admission, peer, evidence, policy, context }: Kept): void {
    this.#after.guarded('record', () => { admission.shadow = policy.shadow(evidence, context); });
    peer?.close();
    const { emitter } = this.#after;
    const sink = this.#sink;
    if (sink !== undefined) this.#after.guarded('sink', () => { sink.record(admission); });
    if (admission.failure !== undefined) this.#after.fail('attest', admission.failure);
    const name = admission.decision.effect === 'allow' ? 'admitted' : 'denied';
    this.#after.guarded('event', () => emitter.emit(name, admission));
    if (admission.shadow.length > 0) this.#after.guarded('event', () => emitter.emit('shadow', admission));
  }
}

/** I3 for what was read after the decision: if the peer is another by now, what was added is not evidence. */
function verifyAdded(peer: Peer, evidence: Map<SelectorKey, Evidenced>, known: ReadonlySet<SelectorKey>): void {
  const lost = peer.verify();
  if (lost === undefined) return;
  const why = lost.refused === 'peer-changed' ? 'peer-changed' : 'peer-exited';
  for (const key of evidence.keys()) if (!known.has(key)) evidence.set(key, unknown(why, lost.detail));
}
