import type { Json, SelectorKey, SelectorValue } from '@portcullis/core';
import type { CompiledRules } from '../compile/compile-rules.js';
import type { Conjunct } from '../compile/compiled-rule.js';
import { quote } from '../findings/escape.js';
import type { FindingList } from '../findings/finding.js';
import type { Rule } from '../source/rule.js';
import { definitionsOf } from './definitions.js';
import { areExclusive, type Definitions } from './exclusive.js';

/** Pairs of conjunctions compared for one name. Beyond, the author must make it easier to see. */
const MAX_PAIRS = 1_000_000;

interface Giver {
  readonly conjunct: Conjunct;
  /** What it grants under the name, spelled so that equal values are equal texts. */
  readonly value: string;
}

/** Two rules that may match the same peer must not grant one name differently: nobody could say which one counts. */
export function checkGrants({ conjuncts, rules }: CompiledRules, findings: FindingList): void {
  const byName = new Map<string, Giver[]>();
  for (const conjunct of conjuncts) {
    const { rule } = conjunct.rule;
    if (rule.shadow) continue;
    for (const [name, value] of Object.entries(rule.grant)) {
      const givers = byName.get(name);
      const giver = { conjunct, value: spell(value) };
      if (givers === undefined) byName.set(name, [giver]);
      else givers.push(giver);
    }
  }
  const definitions = definitionsOf(rules.map(({ rule }) => rule));
  for (const [name, givers] of byName) {
    if (new Set(givers.map(({ value }) => value)).size > 1) checkName(name, givers, definitions, findings);
  }
}

function checkName(name: string, givers: readonly Giver[], definitions: Definitions, findings: FindingList): void {
  let pairs = 0;
  const reported = new Set<Rule>();
  const compare = (one: Giver, other: Giver): boolean => {
    // The later rule is the one to report.
    const [a, b] = one.conjunct.rule.index < other.conjunct.rule.index ? [one, other] : [other, one];
    const [left, right] = [a.conjunct.rule.rule, b.conjunct.rule.rule];
    if (++pairs > MAX_PAIRS) {
      findings.report('POLICY_GRANT_UNDECIDED', right.source, right.span, `too many rules grant ${quote(name)} differently`);
      return false;
    }
    if (reported.has(right) || !shareListener(left, right)) return true;
    if (areExclusive(a.conjunct, b.conjunct, definitions)) return true;
    reported.add(right);
    const { file, line } = left.source.placeAt(left.span.offset);
    findings.report('POLICY_GRANT_CONFLICT', right.source, right.span, `rules ${quote(left.id)} (${quote(`${file}:${String(line)}`)}) and ${quote(right.id)} may both match, and grant ${quote(name)} differently`);
    return true;
  };
  // Those with different exact values of the commonest single key exclude each other: no need to compare them.
  const { buckets, wild } = bucketsOf(givers, definitions);
  const wildByValue = byValue(wild);
  const bucketsByValue = buckets.map(byValue);
  if (!compareWithin(wildByValue, compare)) return;
  for (const bucket of bucketsByValue) {
    if (!compareWithin(bucket, compare) || !compareBetween(bucket, wildByValue, compare)) return;
  }
}

type Compare = (a: Giver, b: Giver) => boolean;
type ByValue = ReadonlyMap<string, readonly Giver[]>;

/** Only givers of different values are ever paired: thousands of rules may grant the same. */
function byValue(givers: readonly Giver[]): ByValue {
  const groups = new Map<string, Giver[]>();
  for (const giver of givers) {
    const group = groups.get(giver.value);
    if (group === undefined) groups.set(giver.value, [giver]);
    else group.push(giver);
  }
  return groups;
}

function compareWithin(groups: ByValue, compare: Compare): boolean {
  const list = [...groups.values()];
  for (const [position, left] of list.entries()) {
    for (const a of left) {
      for (let other = position + 1; other < list.length; other++) {
        for (const b of list[other] ?? []) if (!compare(a, b)) return false;
      }
    }
  }
  return true;
}

function compareBetween(left: ByValue, right: ByValue, compare: Compare): boolean {
  for (const [value, givers] of left) {
    for (const [other, others] of right) {
      if (value === other) continue;
      for (const a of givers) for (const b of others) if (!compare(a, b)) return false;
    }
  }
  return true;
}

function bucketsOf(givers: readonly Giver[], definitions: Definitions): { readonly buckets: readonly (readonly Giver[])[]; readonly wild: readonly Giver[] } {
  const counts = new Map<SelectorKey, number>();
  for (const giver of givers) for (const key of exactOf(giver, definitions).keys()) counts.set(key, (counts.get(key) ?? 0) + 1);
  const [best] = [...counts].sort((a, b) => b[1] - a[1]);
  const buckets = new Map<SelectorValue, Giver[]>();
  const wild: Giver[] = [];
  for (const giver of givers) {
    const value = best === undefined ? undefined : exactOf(giver, definitions).get(best[0]);
    if (value === undefined) wild.push(giver);
    else {
      const bucket = buckets.get(value);
      if (bucket === undefined) buckets.set(value, [giver]);
      else bucket.push(giver);
    }
  }
  return { buckets: [...buckets.values()], wild };
}

function exactOf({ conjunct }: Giver, definitions: Definitions): ReadonlyMap<SelectorKey, SelectorValue> {
  const exact = new Map<SelectorKey, SelectorValue>();
  for (const { key, matcher, negated } of conjunct.literals) {
    if (negated || matcher.op !== 'exact' || matcher.values.size !== 1 || definitions.get(key)?.many !== false) continue;
    for (const value of matcher.values) exact.set(key, value);
  }
  return exact;
}

function shareListener(a: Rule, b: Rule): boolean {
  if (a === b) return false;
  if (a.listeners === undefined || b.listeners === undefined) return true;
  for (const listener of a.listeners) if (b.listeners.has(listener)) return true;
  return false;
}

function spell(value: Json): string {
  if (Array.isArray(value)) return `[${value.map((part: Json) => spell(part)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, part]) => `${JSON.stringify(name)}:${spell(part)}`).join(',')}}`;
}
