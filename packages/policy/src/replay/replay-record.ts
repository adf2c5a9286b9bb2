import { isDeepStrictEqual } from 'node:util';
import { exhaustedLimits, type Cause, type Decision, type SelectorKey } from '@portcullis/core';
import type { Completions } from './completions.js';
import type { RecordedDecision } from './recorded.js';

/** What another policy makes of a recorded connection. */
export interface Replayed {
  /**
   * `admits`: refused then, admitted now. `refuses`: the other way round. `grant`: admitted with another grant.
   * `beside`: no policy decided then, and none would.
   */
  readonly change: 'same' | 'admits' | 'refuses' | 'grant' | 'undetermined' | 'beside';
  /** The decision now; undefined where it is not determined, or not a policy's. */
  readonly decision?: Decision;
  /** With `undetermined`: the keys that the answer depends on, and that the record does not tell. */
  readonly missing: readonly SelectorKey[];
}

/** Causes of refusals before a policy was asked, or whatever it said. */
const BESIDE: ReadonlySet<string> = new Set<Cause>(['deadline', 'peer-refused', 'peer-lost', 'capacity', 'closing', 'defect']);
const NOTHING: readonly SelectorKey[] = Object.freeze([]);

/** Whether what is recorded was refused beside the policy, so that no policy would have decided it otherwise. */
export function wasBesidePolicy({ cause }: RecordedDecision): boolean {
  return BESIDE.has(cause);
}

/**
 * Decides over recorded evidence as a gate would that got the same answers: first on what the decision rested on, and
 * where the policy wants more than that, on what was collected for the record too. Listener and clock are the record's.
 */
export function replayRecord(record: RecordedDecision, completions: Completions): Replayed {
  if (wasBesidePolicy(record)) return { change: 'beside', missing: NOTHING };
  const { listener, timeMs: nowMs, evidence, after, masked } = record;
  const context = { listener, nowMs, limits: exhaustedLimits(record.exhausted) };
  let completed = completions.decide(evidence, masked, context);
  if (completed.missing.length > 0 && after.size > 0) completed = completions.decide(new Map([...evidence, ...after]), masked, context);
  const { effect, decision, grantUndetermined, missing } = completed;
  if (effect === 'undetermined' || decision === undefined) return { change: 'undetermined', missing };
  if (effect !== record.effect) return { change: effect === 'allow' ? 'admits' : 'refuses', decision, missing: NOTHING };
  if (grantUndetermined === true) return { change: 'undetermined', missing };
  return { change: isDeepStrictEqual(decision.grant, record.grant) ? 'same' : 'grant', decision, missing: NOTHING };
}
