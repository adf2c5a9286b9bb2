import type { AdmittedPeer, Admission } from './admission.js';
import type { CandidateResult } from './candidate.js';
import type { Catalogue } from './catalogue.js';
import type { FailedCondition, Grant, NearestMiss, RefusalCode } from './decision.js';
import type { Evidence, Unknown } from './evidence.js';
import { formatErrorChain } from './errors.js';
import type { Revocation } from './events.js';
import type { SelectorValue } from './selector.js';
import type { Stages } from './engine.js';
import type { TrustTier } from './tiers.js';

/** One key as a record carries it: what was seen, with its tier (I5). `absent` and `values` exclude each other. */
export interface RecordedSelector {
  readonly values?: readonly SelectorValue[];
  readonly absent?: true;
  readonly masked?: true;
  readonly tier: TrustTier;
}

/** One line of the decision log. */
export interface DecisionRecord {
  readonly event: 'decision';
  /** RFC 3339, UTC. */
  readonly time: string;
  readonly listener: string;
  /** Beside `observe`: what would have been decided. */
  readonly decision: 'allow' | 'deny';
  /** The gate only observes: `admitted` whatever `decision` says, or `refused` where no policy could have admitted it, or for want of room. */
  readonly observe?: 'admitted' | 'refused';
  readonly cause: string;
  readonly code?: RefusalCode;
  /** The determining rule, or rules where several decided together. */
  readonly rule?: string | readonly string[];
  readonly reason?: string;
  /** Rules that would have allowed, and whose limit is exhausted. */
  readonly exhausted?: readonly string[];
  readonly nearest?: { readonly rule: string; readonly at: string; readonly failed: readonly RecordedCondition[] };
  readonly peer?: { readonly pid: number; readonly uid: number; readonly gid?: number; readonly pin: string };
  readonly path?: string;
  readonly selectors: Readonly<Record<string, RecordedSelector>>;
  readonly unknown?: Readonly<Record<string, string>>;
  /** Keys of `selectors` and `unknown` that were collected after the decision, which did not rest on them. */
  readonly after?: readonly string[];
  readonly grant?: Grant;
  readonly shadow?: readonly { readonly rule: string; readonly effect: string; readonly matched: string }[];
  /** What the candidate policy would have decided. */
  readonly candidate?: RecordedCandidate;
  readonly error?: string;
  readonly policy: string;
  /** Microseconds per stage. */
  readonly micros: Readonly<Stages>;
}

export interface RecordedCandidate {
  /** Its revision. */
  readonly policy: string;
  readonly diverges: boolean;
  readonly decision: 'allow' | 'deny';
  readonly cause: string;
  readonly rule?: string | readonly string[];
  readonly grant?: Grant;
}

export interface RecordedCondition {
  readonly key: string;
  readonly expected: string;
  readonly observed: string | SelectorValue | readonly SelectorValue[];
  /** `too-weak`: the value would do, its trust tier does not. */
  readonly state: FailedCondition['state'];
  readonly at: string;
}

/** The record of an admission, ready for `JSON.stringify`. Values of sensitive keys are masked (I10). */
export function toRecord(admission: Admission, catalogue: Catalogue): DecisionRecord {
  const { decision, evidence, peer } = admission;
  const nearest = nearestOf(admission);
  const unknowns = unknownsOf(evidence);
  const path = evidence.get('unix:path');
  return {
    event: 'decision',
    time: isoTime(admission.timeMs),
    listener: admission.listener,
    decision: decision.effect,
    ...(admission.observed && { observe: admission.admitted ? 'admitted' as const : 'refused' as const }),
    cause: decision.cause,
    ...(decision.code !== undefined && { code: decision.code }),
    ...(decision.rules.length > 0 && { rule: oneOrMore(decision.rules) }),
    ...(decision.reason !== undefined && { reason: decision.reason }),
    ...(decision.exhausted !== undefined && { exhausted: decision.exhausted }),
    ...(nearest !== undefined && {
      nearest: { rule: nearest.rule, at: placeText(nearest.place), failed: nearest.failed.map(condition) },
    }),
    ...(peer !== undefined && { peer: recordedPeer(peer) }),
    ...(path?.state === 'present' && { path: String(path.values[0]) }),
    selectors: selectorsOf(evidence, catalogue),
    ...(unknowns !== undefined && { unknown: unknowns }),
    ...(evidence.size > admission.decidedOn && { after: [...evidence].slice(admission.decidedOn).map(([key]) => key) }),
    ...(hasOwn(decision.grant) && { grant: decision.grant }),
    ...(admission.shadow.length > 0 && { shadow: admission.shadow }),
    ...(admission.candidate !== undefined && { candidate: recordedCandidate(admission.candidate) }),
    ...(admission.failure !== undefined && { error: formatErrorChain(admission.failure) }),
    policy: admission.policy.revision,
    micros: admission.stages,
  };
}

/** The line of a connection that was admitted, and ended before its time. */
export interface RevocationRecord {
  readonly event: 'revoked';
  /** When: RFC 3339, UTC. */
  readonly time: string;
  /** When the connection was admitted. */
  readonly admitted: string;
  readonly listener: string;
  readonly cause: Revocation['cause'];
  /** The policy word that governs it, to be written where this shall not happen: `lease.onPeerExit`. */
  readonly word: string;
  readonly detail: string;
  readonly rule: string | readonly string[];
  readonly peer?: NonNullable<DecisionRecord['peer']>;
  readonly policy: string;
}

/** The record of a revocation, ready for `JSON.stringify`. `nowMs`: milliseconds since the epoch. */
export function toRevocationRecord({ admission, cause, word, detail }: Revocation, nowMs: number): RevocationRecord {
  const { decision, peer } = admission;
  return {
    event: 'revoked',
    time: isoTime(nowMs),
    admitted: isoTime(admission.timeMs),
    listener: admission.listener,
    cause,
    word,
    detail,
    rule: oneOrMore(decision.rules),
    ...(peer !== undefined && { peer: recordedPeer(peer) }),
    policy: admission.policy.revision,
  };
}

function recordedPeer({ pid, uid, gid, pin }: AdmittedPeer): NonNullable<DecisionRecord['peer']> {
  return { pid, uid, ...(gid !== undefined && { gid }), pin };
}

function recordedCandidate({ policy, decision: { effect, cause, rules, grant }, diverges }: CandidateResult): RecordedCandidate {
  return {
    policy: policy.revision, diverges, decision: effect, cause,
    ...(rules.length > 0 && { rule: oneOrMore(rules) }),
    ...(hasOwn(grant) && { grant }),
  };
}

function oneOrMore(rules: readonly string[]): string | readonly string[] {
  return rules.length === 1 ? (rules[0] ?? '') : rules;
}

/** A refusal is recorded though its policy cannot say what came nearest. */
function nearestOf(admission: Admission): NearestMiss | undefined {
  try {
    return admission.nearest;
  } catch {
    return undefined;
  }
}

function selectorsOf(evidence: Evidence, catalogue: Catalogue): Record<string, RecordedSelector> {
  const selectors: Record<string, RecordedSelector> = {};
  for (const [key, entry] of evidence) {
    if (entry.state === 'unknown') continue;
    if (entry.state === 'absent') selectors[key] = { absent: true, tier: entry.tier };
    else if (catalogue.find(key)?.sensitive === true) selectors[key] = { masked: true, tier: entry.tier };
    else selectors[key] = { values: entry.values, tier: entry.tier };
  }
  return selectors;
}

function unknownsOf(evidence: Evidence): Record<string, string> | undefined {
  let unknowns: Record<string, string> | undefined;
  for (const [key, entry] of evidence) if (entry.state === 'unknown') (unknowns ??= {})[key] = whyText(entry);
  return unknowns;
}

function whyText({ why, detail }: Unknown): string {
  return detail === undefined ? why : `${why}: ${detail}`;
}

function condition(failed: FailedCondition): RecordedCondition {
  const { key, expected, observed, state, place, why } = failed;
  const seen = state === 'present' || state === 'too-weak' ? (observed.length === 1 ? (observed[0] ?? '') : observed) : why === undefined ? state : `${state}: ${why}`;
  return { key, expected, observed: seen, state, at: placeText(place) };
}

function placeText(place: { readonly file: string; readonly line: number; readonly column: number }): string {
  return `${place.file}:${String(place.line)}:${String(place.column)}`;
}

function hasOwn(object: object): boolean {
  for (const _ in object) return true;
  return false;
}

let lastMs = Number.NaN;
let lastText = '';

/** RFC 3339. Many connections of one millisecond share the text. */
function isoTime(ms: number): string {
  if (ms !== lastMs) {
    lastText = new Date(ms).toISOString();
    lastMs = ms;
  }
  return lastText;
}
