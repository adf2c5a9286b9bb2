import { performance } from 'node:perf_hooks'; // the global of that name is a getter, which costs something at every look
import type { Collector } from './collect.js';
import type { Cause, Decision, RefusalCode } from './decision.js';
import type { Evidence, Evidenced } from './evidence.js';
import type { TokenBuckets } from './limits/token-buckets.js';
import { isRefusal, type Connection, type Peer, type PeerCredentials, type PeerRefusal, type PeerSource, type PinStrength, type Uid } from './peer.js';
import { accountOf } from './platform/names/account.js';
import type { Policy, PolicyContext } from './policy.js';
import type { SelectorKey } from './selector.js';

/** Microseconds spent in each stage. `collect` includes waiting for attestors that answer late. */
export interface Stages {
  open: number;
  collect: number;
  verify: number;
  decide: number;
}

/** One admission, decided. `peer` is still open, and the caller's to close, where there is one. */
export interface Attested {
  readonly decision: Decision;
  readonly evidence: Map<SelectorKey, Evidenced>;
  readonly peer: Peer | undefined;
  readonly credentials: PeerCredentials | undefined;
  readonly pin: PinStrength;
  readonly stages: Stages;
  /** What threw, where the cause is `defect`; the call that failed, where a peer was refused. */
  readonly failure: unknown;
}

export type MayWait = (credentials: PeerCredentials) => RefusalCode | undefined;

/** A refusal that no policy had a part in. */
export function refusal(cause: Cause, code?: RefusalCode, reason?: string): Decision {
  return Object.freeze({
    effect: 'deny', cause, rules: NO_RULES, grant: NO_GRANT,
    ...(code === undefined ? {} : { code }), ...(reason === undefined ? {} : { reason }),
  });
}

const NO_RULES: readonly string[] = Object.freeze([]);
const NO_GRANT = Object.freeze({});
const EFFECTS: ReadonlySet<string> = new Set(['allow', 'deny']);

/** What ends a wait before its answers came. */
type Ended = 'deadline' | 'closing';

/**
 * Attests one peer after another and asks the policy: open, collect tier by tier while the answer can still change,
 * verify, decide. Where every attestor answers at once, so does this: no promise, no timer.
 */
export class Engine {
  readonly collector: Collector;
  readonly #source: PeerSource;
  readonly #deadlineMs: number;
  readonly #perUid: TokenBuckets<Uid> | undefined;
  /** Making an AbortController costs more than a system call; one that was never shown to late code serves again. */
  #spare: AbortController | undefined;
  /** One for each admission that waits: ends its wait. */
  readonly #waits = new Set<(ended: Ended) => void>();

  /** `perUid`: how fast connections of one uid are looked at; the others are refused before anything was asked of their process. */
  constructor(source: PeerSource, collector: Collector, deadlineMs: number, perUid?: TokenBuckets<Uid>) {
    this.#source = source;
    this.#perUid = perUid;
    this.collector = collector;
    this.#deadlineMs = deadlineMs;
  }

  /**
   * `mayWait` is asked with the peer's credentials before an admission starts to wait for a late answer; a code that it
   * returns refuses the connection (caps on pending admissions). `known`: of a connection that was looked at before, and counts for its uid no more, what
   * need not be asked again.
   */
  admit(connection: Connection, policy: Policy, context: PolicyContext, mayWait: MayWait, known?: Evidence): Attested | Promise<Attested> {
    const stages: Stages = { open: 0, collect: 0, verify: 0, decide: 0 };
    const evidence = new Map<SelectorKey, Evidenced>(known);
    const began = performance.now();
    let opened: Peer | PeerRefusal;
    let credentials: PeerCredentials;
    try {
      opened = this.#source.open(connection);
      if (isRefusal(opened)) return refusedAtOpen(opened, evidence, stages, began);
      ({ credentials } = opened);
    } catch (error) {
      return unattested(refusal('defect'), stages, error);
    }
    const run: Run = { peer: opened, credentials, policy, context, evidence, stages, at: began };
    stages.open = lap(run);
    if (known === undefined && this.#perUid !== undefined && this.#perUid.take(accountOf(credentials.uid), context.nowMs) === undefined) return finished(run, refusal('capacity', 'rate-limit-uid'));
    const controller = (this.#spare ??= new AbortController());
    let late: Promise<void> | undefined;
    try {
      late = this.#rounds(run, controller.signal);
    } catch (error) {
      this.#spare = undefined;
      controller.abort(error);
      return finished(withoutLate(run), refusal('defect'), error);
    }
    if (late === undefined) return conclude(run);
    this.#spare = undefined; // somebody may hold on to its signal now
    const full = mayWait(credentials);
    if (full === undefined) return this.#wait(run, late, controller);
    late.catch(() => undefined);
    controller.abort(new Error(full));
    return finished(withoutLate(run), refusal('capacity', full));
  }

  /** Ends every wait: who was not admitted yet is refused with cause `closing`. */
  stop(): void {
    for (const end of this.#waits) end('closing');
  }

  /** Collects until nothing could change the decision; a promise when an attestor wants to be waited for. */
  #rounds(run: Run, signal: AbortSignal): Promise<void> | undefined {
    try {
      // Once every key that the policy mentions was asked, and what those need, it can want none.
      const most = this.collector.reach(run.policy.keys);
      while (run.evidence.size < most) {
        const wanted = run.policy.wanted(run.evidence, run.context);
        if (wanted.size === 0) return undefined;
        const before = run.evidence.size;
        const late = this.collector.collect(wanted, run.peer, run.evidence, signal);
        if (late !== undefined) return late;
        if (run.evidence.size === before) throw new Error('the policy wants keys that were answered already');
      }
      return undefined;
    } finally {
      run.stages.collect += lap(run);
    }
  }

  async #wait(run: Run, first: Promise<void>, controller: AbortController): Promise<Attested> {
    let timer: NodeJS.Timeout | undefined;
    let end: ((ended: Ended) => void) | undefined;
    const ending = new Promise<Ended>((resolve) => {
      timer = setTimeout(resolve, this.#deadlineMs, 'deadline');
      this.#waits.add((end = resolve));
    });
    const began = performance.now();
    try {
      let late: Promise<void> | undefined = first;
      while (late !== undefined) {
        let ended: Ended | undefined = await Promise.race([late.then(() => undefined), ending]);
        // The timer may be late itself, where something blocked the event loop.
        if (performance.now() - began > this.#deadlineMs) ended ??= 'deadline';
        if (ended !== undefined) {
          controller.abort(new Error(ended === 'deadline' ? 'the admission deadline passed' : 'the gate closes'));
          return finished(withoutLate(run), refusal(ended));
        }
        late = this.#rounds(run, controller.signal);
      }
    } catch (error) {
      controller.abort(error);
      return finished(withoutLate(run), refusal('defect'), error);
    } finally {
      clearTimeout(timer);
      if (end !== undefined) this.#waits.delete(end);
      run.stages.collect += lap(run);
    }
    return conclude(run);
  }
}

interface Run {
  readonly peer: Peer;
  readonly credentials: PeerCredentials;
  readonly policy: Policy;
  readonly context: PolicyContext;
  readonly evidence: Map<SelectorKey, Evidenced>;
  readonly stages: Stages;
  /** When the stage that is under way began: where one ends, the next begins, so that the clock is read once for both. */
  at: number;
}

/** Microseconds of the stage that ends now. */
function lap(run: Run): number {
  const began = run.at;
  run.at = performance.now();
  return Math.round((run.at - began) * 1000);
}

/** After the last look: the same process and program still, then the policy's word. */
function conclude(run: Run): Attested {
  try {
    const lost = run.peer.verify(); // I3
    run.stages.verify = lap(run);
    if (lost !== undefined) return finished(run, refusal('peer-lost', lost.refused, lost.detail));
    const decision = run.policy.decide(run.evidence, run.context);
    run.stages.decide = lap(run);
    if (!EFFECTS.has(decision.effect)) throw new TypeError('the policy decided neither `allow` nor `deny`');
    return finished(run, decision);
  } catch (error) {
    return finished(run, refusal('defect'), error);
  }
}

/** What is known by now, out of reach of attestors that answer after nobody waits for them any more. */
function withoutLate(run: Run): Run {
  return { ...run, evidence: new Map(run.evidence) };
}

function finished({ peer, credentials, evidence, stages }: Run, decision: Decision, failure?: unknown): Attested {
  return { decision, evidence, peer, credentials, pin: pinOf(peer), stages, failure };
}

/** A getter of somebody else's code: what it throws must not undo a decision. */
function pinOf(peer: Peer): PinStrength {
  try {
    return peer.pin;
  } catch {
    return 'unpinned';
  }
}

function refusedAtOpen(refused: PeerRefusal, evidence: Map<SelectorKey, Evidenced>, stages: Stages, began: number): Attested {
  stages.open = microsSince(began);
  return {
    decision: refusal('peer-refused', refused.refused, refused.detail),
    evidence, peer: undefined, credentials: refused.credentials, pin: 'unpinned', stages, failure: undefined,
  };
}

/** A refusal of a connection whose peer nobody looked at. */
export function unattested(decision: Decision, stages: Stages = { open: 0, collect: 0, verify: 0, decide: 0 }, failure?: unknown): Attested {
  return {
    decision, evidence: new Map(), peer: undefined, credentials: undefined, pin: 'unpinned', stages, failure,
  };
}

function microsSince(began: number): number {
  return Math.round((performance.now() - began) * 1000);
}
