import { types } from 'node:util';
import { EventEmitter } from 'eventemitter3';
import type { Admission } from './admission.js';

/** Something that went wrong beside a decision: it was refused or it stayed as it was, and this says why. */
export interface GateFailure {
  readonly where: 'attest' | 'lease' | 'message' | 'listener' | 'sink' | 'event' | 'prepare' | 'recheck' | 'record' | 'close';
  readonly error: unknown;
}

/** A policy took effect. */
export interface PolicyChange {
  readonly name: string;
  readonly revision: string;
  readonly previous?: string;
  /** What attestors warned of when they prepared for it: a user that this host does not have. */
  readonly warnings: readonly string[];
}

/** Why an admitted connection lost its right to stay. Closed: dashboards count by it. */
export type RevocationCause =
  /** The process that connected has exited, and somebody else holds its connection. */
  | 'peer-exited'
  /** It runs another program image. */
  | 'program-changed'
  /** For long nobody could see which one it runs. */
  | 'program-unseen'
  /** Another process sent by it, or nobody can say which did. */
  | 'foreign-sender'
  /** A policy that took effect since does not admit it. */
  | 'policy-changed'
  /** It could not be watched, or decided anew (I2). */
  | 'defect';

/** An admitted connection lost its right to stay, and was ended (I7). */
export interface Revocation {
  readonly admission: Admission;
  readonly cause: RevocationCause;
  /** The policy word that governs it: `lease.onPeerExit`. */
  readonly word: string;
  readonly detail: string;
}

/** Live connections were decided anew by a policy that took effect. */
export interface Rechecked {
  readonly name: string;
  readonly revision: string;
  readonly kept: number;
  /** Revoked, after `graceMs`. */
  readonly denied: number;
  readonly graceMs: number;
}

export interface GateEvents {
  /** Handed to the application; in observe mode also where `decision` is a refusal. */
  admitted: (admission: Admission) => void;
  denied: (admission: Admission) => void;
  /** At least one shadow rule would have had its say, or the candidate policy would have decided otherwise. */
  shadow: (admission: Admission) => void;
  failed: (failure: GateFailure) => void;
  revoked: (revocation: Revocation) => void;
  policy: (change: PolicyChange) => void;
  /** After `policy`, when all connections that were live then were looked at. */
  rechecked: (rechecked: Rechecked) => void;
}

/**
 * Takes the record of every connection. Called after the decision was carried out; a throw, or a promise that rejects, is
 * reported and breaks nothing. Nobody waits for a promise.
 */
export interface DecisionSink {
  record(admission: Admission): unknown;
  /** Takes the record of a connection that was admitted, and ended before its time. */
  revoked?(revocation: Revocation): unknown;
}

/**
 * Emits after the fact: jobs run once the decisions of this turn of the event loop were carried out, so that no listener
 * can delay or break one.
 */
export class AfterDecision {
  readonly emitter = new EventEmitter<GateEvents>();
  #jobs: (() => void)[] = [];
  #failures = 0;

  /** How many listeners and sinks threw so far. */
  get failures(): number {
    return this.#failures;
  }

  later(job: () => void): void {
    this.#jobs.push(job);
    if (this.#jobs.length === 1) setImmediate(() => { this.flush(); });
  }

  /** Runs what waits, now: when the gate closes. */
  flush(): void {
    const jobs = this.#jobs;
    this.#jobs = [];
    for (const job of jobs) this.guarded('event', job);
  }

  /** What `job` throws is told, and what the promise rejects with that it may return: nobody else waits for it. */
  guarded(where: GateFailure['where'], job: () => unknown): void {
    const failed = (error: unknown): void => {
      this.#failures += 1;
      this.fail(where, error);
    };
    try {
      const result = job();
      if (types.isPromise(result)) result.catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  /** Tells every listener; one that throws keeps the others from nothing. */
  emit<Name extends keyof GateEvents>(name: Name, event: Parameters<GateEvents[Name]>[0]): void {
    if (this.emitter.listenerCount(name) === 0) return;
    for (const listener of this.emitter.listeners(name)) {
      this.guarded('event', () => (listener as (event: Parameters<GateEvents[Name]>[0]) => unknown)(event));
    }
  }

  fail(where: GateFailure['where'], error: unknown): void {
    // A listener of `failed` that fails has nobody left to tell.
    const failed = (): void => { this.#failures += 1; };
    for (const listener of this.emitter.listeners('failed') as ((failure: GateFailure) => unknown)[]) {
      try {
        const result = listener({ where, error });
        if (types.isPromise(result)) result.catch(failed);
      } catch {
        failed();
      }
    }
  }
}
