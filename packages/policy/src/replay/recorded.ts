import { isSelectorKey, isTrustTier, normaliseValues, trustSuffices, unknown, UNKNOWN_REASONS, valueProblem, type Catalogue, type Evidenced, type Grant, type SelectorDefinition, type SelectorKey, type TrustTier, type UnknownReason } from '@portcullis/core';
import { quote } from '../findings/escape.js';
import { parseMoment } from '../source/moment.js';

/** A `decision` record as it was read again: what was decided, and on what. */
export interface RecordedDecision {
  readonly listener: string;
  readonly timeMs: number;
  readonly effect: 'allow' | 'deny';
  readonly cause: string;
  readonly rules: readonly string[];
  readonly grant: Grant;
  /** Rules whose limit was exhausted: what the decision rested on of the limiter. */
  readonly exhausted: readonly string[];
  /** Only observed: `effect` is what would have been decided. */
  readonly observed: boolean;
  /** Undefined where the peer was not known. */
  readonly uid: number | undefined;
  readonly path: string | undefined;
  /** What the decision rested on. */
  readonly evidence: ReadonlyMap<SelectorKey, Evidenced>;
  /** What was collected after it, for shadow rules and the record, as far as it was seen in time. */
  readonly after: ReadonlyMap<SelectorKey, Evidenced>;
  /** Keys that had a value, which the record does not tell (I10), with its tier. */
  readonly masked: ReadonlyMap<SelectorKey, TrustTier>;
}

type Fields = Readonly<Record<string, unknown>>;

/** Why a record cannot be read. */
export class RecordProblem extends Error {
  override readonly name = 'RecordProblem';
}

/** Unknown for a reason that lies with having been asked after the decision: in time, it might have been seen. */
const TOO_LATE: ReadonlySet<string> = new Set<UnknownReason>(['peer-exited', 'peer-changed', 'timeout', 'limit']);

/**
 * Reads a `decision` record, as `toRecord` of core makes them. Whoever can write the log can write records, so nothing is
 * taken for granted: keys that the catalogue has are checked for type and tier, others are left out.
 * @throws RecordProblem
 */
export function readRecord(fields: Fields, catalogue: Catalogue): RecordedDecision {
  const { decision, time, listener, cause, rule, peer } = fields;
  if (decision !== 'allow' && decision !== 'deny') throw new RecordProblem('`decision` is neither `allow` nor `deny`');
  const timeMs = typeof time === 'string' ? parseMoment(time) : undefined;
  if (timeMs === undefined) throw new RecordProblem('`time` is not a moment in time');
  if (typeof listener !== 'string') throw new RecordProblem('`listener` is not text');
  const selectors = objectOf(fields, 'selectors');
  const unknowns = fields['unknown'] === undefined ? {} : objectOf(fields, 'unknown');
  const late = lateKeys(fields['after']);
  const evidence = new Map<SelectorKey, Evidenced>();
  const after = new Map<SelectorKey, Evidenced>();
  const masked = new Map<SelectorKey, TrustTier>();
  for (const [key, entry] of Object.entries(selectors)) {
    const definition = defined(key, catalogue);
    if (definition === undefined) continue;
    const seen = readSelector(entry, definition);
    if (typeof seen === 'string') masked.set(definition.key, seen);
    else (late.has(key) ? after : evidence).set(definition.key, seen);
  }
  for (const [key, text] of Object.entries(unknowns)) {
    const definition = defined(key, catalogue);
    if (definition === undefined) continue;
    const why = reasonOf(text, key);
    // Asked too late is as good as not asked.
    if (!late.has(key)) evidence.set(definition.key, unknown(why));
    else if (!TOO_LATE.has(why)) after.set(definition.key, unknown(why));
  }
  const path = evidence.get('unix:path') ?? after.get('unix:path');
  return {
    listener, timeMs, effect: decision, cause: typeof cause === 'string' ? cause : '', rules: namesOf(rule, 'rule'), exhausted: namesOf(fields['exhausted'], 'exhausted'), observed: fields['observe'] !== undefined,
    grant: fields['grant'] === undefined ? {} : (objectOf(fields, 'grant') as Grant),
    uid: isObject(peer) && typeof peer['uid'] === 'number' ? peer['uid'] : undefined,
    path: path?.state === 'present' ? String(path.values[0]) : undefined,
    evidence, after, masked,
  };
}

/** Under its own name where it is of a family. */
function defined(key: string, catalogue: Catalogue): SelectorDefinition | undefined {
  const definition = isSelectorKey(key) ? catalogue.find(key) : undefined;
  return definition === undefined || definition.key === key || !isSelectorKey(key) ? definition : { ...definition, key };
}

/** The tier alone, of what is masked. */
function readSelector(entry: unknown, { key, value: type, many, trust }: SelectorDefinition): Evidenced | TrustTier {
  if (!isObject(entry)) throw new RecordProblem(`${quote(key)} is not an object`);
  const { tier, values, absent, masked } = entry;
  if (typeof tier !== 'string' || !isTrustTier(tier)) throw new RecordProblem(`${quote(key)} has no trust tier`);
  if (!trustSuffices(trust, tier)) throw new RecordProblem(`${quote(key)} is ${trust} at best, not ${tier}`);
  if (masked === true) return tier;
  if (absent === true) return { state: 'absent', tier };
  if (!Array.isArray(values) || values.length === 0) throw new RecordProblem(`${quote(key)} has no values`);
  if (values.length > 1 && !many) throw new RecordProblem(`${quote(key)} has one value, not ${String(values.length)}`);
  for (const value of values as readonly unknown[]) {
    const problem = valueProblem(type, value);
    if (problem !== undefined) throw new RecordProblem(`${quote(key)}: ${problem}`);
  }
  return { state: 'present', values: normaliseValues(values as readonly (string | number | boolean)[]), tier };
}

/** `why: detail`. The detail is for people. */
function reasonOf(text: unknown, key: string): UnknownReason {
  const why = typeof text === 'string' ? text.split(':', 1)[0] : undefined;
  const reason = UNKNOWN_REASONS.find((one) => one === why);
  if (reason === undefined) throw new RecordProblem(`${quote(key)} is unknown for no reason that there is`);
  return reason;
}

function lateKeys(after: unknown): ReadonlySet<string> {
  if (after === undefined) return NONE;
  if (!Array.isArray(after)) throw new RecordProblem('`after` is not a list');
  return new Set(after.map(String));
}

const NONE: ReadonlySet<string> = new Set();

function namesOf(names: unknown, field: string): readonly string[] {
  const all: readonly unknown[] = Array.isArray(names) ? names : names === undefined ? [] : [names];
  return all.map((one) => {
    if (typeof one !== 'string') throw new RecordProblem(`${quote(field)} is not text`);
    return one;
  });
}

function objectOf(fields: Fields, name: string): Fields {
  const value = fields[name];
  if (!isObject(value)) throw new RecordProblem(`${quote(name)} is not an object`);
  return value;
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
