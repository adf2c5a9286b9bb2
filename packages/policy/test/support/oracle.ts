// The language as its page says it, slow and obvious, sharing no code with the engine. Random policies are held against it.
import type { Evidence, Evidenced, LeaseTerms, SelectorKey, SelectorValue, TrustTier } from '@portcullis/core';

export type MatcherDoc =
  | SelectorValue
  | readonly SelectorValue[]
  | { readonly exists: boolean }
  | { readonly in: readonly SelectorValue[] }
  | { readonly glob: string }
  | { readonly prefix: string }
  | { readonly range: readonly [number, number] }
  | { readonly not: MatcherDoc };

// eslint-disable-next-line @typescript-eslint/consistent-indexed-object-style -- a Record cannot refer to itself
export type ConditionDoc = string | { readonly [word: string]: MatcherDoc | readonly ConditionDoc[] };

export interface RuleDoc {
  readonly id: string;
  readonly effect: 'allow' | 'deny';
  readonly when: ConditionDoc;
  readonly listeners?: readonly string[];
  readonly mode?: 'enforce' | 'shadow';
  readonly expires?: string;
  readonly requires?: TrustTier;
  readonly onUnknown?: 'deny' | 'skip';
  readonly grant?: Readonly<Record<string, string>>;
  readonly window?: { readonly days?: readonly string[]; readonly hours?: string; readonly tz: string };
  readonly limit?: { readonly key: readonly SelectorKey[]; readonly rate?: string; readonly burst?: number; readonly concurrent?: number };
  readonly lease?: { readonly onPeerExit?: 'revoke' | 'ignore'; readonly onExec?: 'revoke' | 'ignore'; readonly reverify?: string };
  readonly handoff?: 'allow' | 'deny';
}

export interface PolicyDoc {
  readonly sets?: Readonly<Record<string, ConditionDoc>>;
  readonly rules: readonly RuleDoc[];
}

type Kleene = 'true' | 'false' | 'unknown';

const TIERS: readonly TrustTier[] = ['kernel-connect', 'kernel-live', 'derived', 'image', 'image-unverified', 'heuristic', 'peer-asserted'];

export function oracleRule(policy: PolicyDoc, rule: RuleDoc, evidence: Evidence): Kleene {
  const weakest = rule.effect === 'deny' ? 'peer-asserted' : (rule.requires ?? 'image');
  // Whom to count must be known, as a condition must.
  const counted = (rule.limit?.key ?? []).map((key) => any([test({ exists: true }, evidence.get(key), weakest), test({ exists: false }, evidence.get(key), weakest)]));
  return all([condition(rule.when, policy, evidence, weakest), ...counted]);
}

export interface OracleDecision {
  readonly effect: 'allow' | 'deny';
  readonly cause: 'rule' | 'default' | 'unknown-evidence' | 'limit';
  readonly rules: readonly string[];
  readonly grant: Readonly<Record<string, string>>;
  readonly terms?: LeaseTerms;
  /** Ids of rules that are charged, and of those that had no room. */
  readonly charged?: readonly string[];
  readonly exhausted?: readonly string[];
}

export function oracleDecide(policy: PolicyDoc, evidence: Evidence, listener: string, nowMs: number, noRoom: ReadonlySet<string> = new Set()): OracleDecision {
  const live = policy.rules.filter((rule) => rule.mode !== 'shadow' && applies(rule, listener, nowMs));
  const having = (effect: string, truth: Kleene) => live.filter((rule) => rule.effect === effect && oracleRule(policy, rule, evidence) === truth);
  const denied = having('deny', 'true');
  if (denied.length > 0) return { effect: 'deny', cause: 'rule', rules: ids(denied), grant: {} };
  const unsure = having('deny', 'unknown').filter((rule) => rule.onUnknown !== 'skip');
  if (unsure.length > 0) return { effect: 'deny', cause: 'unknown-evidence', rules: ids(unsure), grant: {} };
  const matching = having('allow', 'true');
  const full = matching.filter(({ id, limit }) => limit !== undefined && noRoom.has(id));
  const allowed = matching.filter((rule) => !full.includes(rule));
  if (allowed.length === 0 && full.length > 0) return { effect: 'deny', cause: 'limit', rules: ids(full), grant: {}, exhausted: ids(full) };
  if (allowed.length === 0) return { effect: 'deny', cause: 'default', rules: [], grant: {} };
  return {
    effect: 'allow', cause: 'rule', rules: ids(allowed),
    grant: Object.assign({}, ...allowed.map((rule) => rule.grant ?? {})) as Record<string, string>,
    terms: oracleTerms(policy, allowed),
    ...(allowed.some(({ limit }) => limit !== undefined) && { charged: ids(allowed.filter(({ limit }) => limit !== undefined)) }),
    ...(full.length > 0 && { exhausted: ids(full) }),
  };
}

/** Durations of random policies are in seconds. */
function oracleTerms(policy: PolicyDoc, rules: readonly RuleDoc[]): LeaseTerms {
  const exits = rules.map(({ lease }) => lease?.onPeerExit ?? 'revoke');
  const execs = rules.map((rule) => rule.lease?.onExec ?? (mentionsPath(rule.when, policy) || isBesideDenyOfPath(rule, policy) ? 'revoke' : 'ignore'));
  const seconds = rules.flatMap(({ lease }) => (lease?.reverify === undefined ? [] : [Number.parseInt(lease.reverify, 10)]));
  return {
    onPeerExit: exits.includes('revoke') ? 'revoke' : 'ignore',
    onExec: execs.includes('revoke') ? 'revoke' : 'ignore',
    ...(seconds.length > 0 && { reverifyMs: Math.min(...seconds) * 1000 }),
    ...(rules.some(({ handoff }) => handoff === 'deny') && { handoff: 'deny' }),
  };
}

function isBesideDenyOfPath({ listeners }: RuleDoc, policy: PolicyDoc): boolean {
  return policy.rules.some((other) => other.effect === 'deny' && other.mode !== 'shadow' && mentionsPath(other.when, policy)
    && (listeners === undefined || other.listeners === undefined || other.listeners.some((listener) => listeners.includes(listener))));
}

function mentionsPath(doc: ConditionDoc, policy: PolicyDoc): boolean {
  const text = JSON.stringify(doc);
  const sets = ['one', 'two'].filter((name) => text.includes(`"use":"${name}"`));
  return text.includes('unix:path') || sets.some((name) => mentionsPath(policy.sets?.[name] ?? '', policy));
}

export function oracleShadow(policy: PolicyDoc, evidence: Evidence, listener: string, nowMs: number): readonly string[] {
  return policy.rules
    .filter((rule) => rule.mode === 'shadow' && applies(rule, listener, nowMs))
    .flatMap((rule) => {
      const truth = oracleRule(policy, rule, evidence);
      const counts = truth === 'true' || (truth === 'unknown' && rule.effect === 'deny' && rule.onUnknown !== 'skip');
      return counts ? [`${rule.id} ${truth}`] : [];
    })
    .sort();
}

function applies(rule: RuleDoc, listener: string, nowMs: number): boolean {
  const bound = rule.listeners === undefined || rule.listeners.includes(listener);
  return bound && (rule.expires === undefined || nowMs < Date.parse(rule.expires)) && (rule.window === undefined || isOpen(rule.window, nowMs));
}

const WEEK = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];

const clocks = new Map<string, Intl.DateTimeFormat>();

function clockOf(tz: string): Intl.DateTimeFormat {
  const clock = clocks.get(tz) ?? new Intl.DateTimeFormat('en-GB', { timeZone: tz, weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  clocks.set(tz, clock);
  return clock;
}

/** By what a clock on the wall there shows. */
export function isOpen({ days = WEEK, hours = '00:00-24:00', tz }: NonNullable<RuleDoc['window']>, nowMs: number): boolean {
  const shown = clockOf(tz).format(nowMs);
  const [, day = '', time = ''] = /^(\w{3})\D*(\d\d:\d\d)$/.exec(shown) ?? [];
  const today = day.toLowerCase();
  const yesterday = WEEK[(WEEK.indexOf(today) + 6) % 7] ?? '';
  const [from = '', to = ''] = hours.split('-');
  if (from < to) return days.includes(today) && time >= from && time < to;
  return (time >= from && days.includes(today)) || (time < to && days.includes(yesterday));
}

const ids = (rules: readonly RuleDoc[]) => rules.map(({ id }) => id);

function condition(doc: ConditionDoc, policy: PolicyDoc, evidence: Evidence, weakest: TrustTier): Kleene {
  if (typeof doc === 'string') {
    const [source = '', kind = '', ...rest] = doc.split(':');
    const value = rest.join(':');
    const numeric = kind === 'uid' || kind === 'gid' || kind === 'supplementary_gid' || kind === 'tracer';
    return test(numeric ? Number(value) : value, evidence.get(`${source}:${kind}`), weakest);
  }
  const parts = Object.entries(doc).map(([word, value]): Kleene => {
    const each = () => (value as readonly ConditionDoc[]).map((part) => condition(part, policy, evidence, weakest));
    if (word === 'all') return all(each());
    if (word === 'any') return any(each());
    if (word === 'none') return negate(any(each()));
    if (word === 'use') return condition(policy.sets?.[value as string] ?? '', policy, evidence, weakest);
    return test(value as MatcherDoc, evidence.get(word as SelectorKey), weakest);
  });
  return all(parts);
}

function test(matcher: MatcherDoc, evidenced: Evidenced | undefined, weakest: TrustTier): Kleene {
  if (evidenced === undefined || evidenced.state === 'unknown') return 'unknown';
  if (TIERS.indexOf(evidenced.tier) > TIERS.indexOf(weakest)) return 'unknown';
  if (typeof matcher === 'object' && 'exists' in matcher) return of((evidenced.state === 'present') === matcher.exists);
  if (evidenced.state === 'absent') return 'false';
  if (typeof matcher === 'object' && 'not' in matcher) return of(!evidenced.values.some((value) => matches(matcher.not, value)));
  return of(evidenced.values.some((value) => matches(matcher, value)));
}

function matches(matcher: MatcherDoc, value: SelectorValue): boolean {
  if (typeof matcher !== 'object') return matcher === value;
  if (Array.isArray(matcher)) return matcher.includes(value);
  if ('in' in matcher) return matcher.in.includes(value);
  if ('glob' in matcher) return typeof value === 'string' && slowGlob(matcher.glob, value);
  if ('prefix' in matcher) return typeof value === 'string' && value.startsWith(matcher.prefix);
  if ('range' in matcher) return typeof value === 'number' && value >= matcher.range[0] && value <= matcher.range[1];
  throw new Error('not a matcher of values');
}

const of = (truth: boolean): Kleene => (truth ? 'true' : 'false');
const negate = (truth: Kleene): Kleene => (truth === 'true' ? 'false' : truth === 'false' ? 'true' : 'unknown');
const all = (truths: readonly Kleene[]): Kleene => (truths.includes('false') ? 'false' : truths.includes('unknown') ? 'unknown' : 'true');
const any = (truths: readonly Kleene[]): Kleene => (truths.includes('true') ? 'true' : truths.includes('unknown') ? 'unknown' : 'false');

/** By recursion over every way a star can be read. */
export function slowGlob(pattern: string, text: string): boolean {
  const p = Array.from(pattern);
  const t = Array.from(text);
  const go = (i: number, j: number): boolean => {
    if (i === p.length) return j === t.length;
    if (p[i] === '*' && p[i + 1] === '*') {
      // `**` and what follows it of stars is any run.
      return go(i + 2, j) || (j < t.length && go(i, j + 1));
    }
    if (p[i] === '*') return go(i + 1, j) || (j < t.length && t[j] !== '/' && go(i, j + 1));
    if (j === t.length) return false;
    if (p[i] === '?') return t[j] !== '/' && go(i + 1, j + 1);
    return p[i] === t[j] && go(i + 1, j + 1);
  };
  return go(0, 0);
}
