import type { Decision, Grant, LeaseTerms, NearestMiss, ShadowResult } from '../decision.js';
import type { Evidence } from '../evidence.js';
import type { Policy, PolicyContext } from '../policy.js';
import type { SelectorKey, SelectorValue } from '../selector.js';

/** What a stub's `allow` answers: yes with a rule's name, or no. */
export type StubAnswer = boolean | { readonly rule: string; readonly grant?: Grant };

export interface StubPolicyOptions {
  readonly name?: string;
  readonly revision?: string;
  /** The keys that the decision needs; all are asked before it. */
  readonly keys?: readonly SelectorKey[];
  /** Called once every key of `keys` is answered. Refuses everyone unless told. */
  readonly allow?: (evidence: Evidence, context: PolicyContext) => StubAnswer;
  /** What an admitted connection depends on; the defaults of a policy that says nothing unless told. */
  readonly terms?: LeaseTerms;
  /** Keys that only the stub's shadow rules want. */
  readonly shadowKeys?: readonly SelectorKey[];
  readonly shadow?: (evidence: Evidence, context: PolicyContext) => readonly ShadowResult[];
  readonly nearest?: (evidence: Evidence, context: PolicyContext) => NearestMiss | undefined;
  readonly literals?: ReadonlyMap<SelectorKey, ReadonlySet<SelectorValue>>;
}

/**
 * A policy of one function.
 *
 * A fake proves flow only: what the gate does with a decision. What a policy file decides is proved with the policy
 * package, whose language knows unknown evidence, trust tiers, limits and time; this stub knows none of them.
 */
export function stubPolicy(options: StubPolicyOptions = {}): Policy {
  const keys = new Set(options.keys);
  const shadowKeys = new Set(options.shadowKeys);
  return {
    name: options.name ?? 'stub',
    revision: options.revision ?? 'stub-1',
    keys: new Set([...keys, ...shadowKeys]),
    literals: options.literals ?? new Map(),
    wanted: (evidence) => unanswered(keys, evidence),
    wantedByShadow: (evidence) => unanswered(shadowKeys, evidence),
    decide: (evidence, context) => decision(options.allow?.(evidence, context) ?? false, options.terms),
    deniesHandoff: () => options.terms?.handoff === 'deny',
    shadow: (evidence, context) => options.shadow?.(evidence, context) ?? [],
    nearest: (evidence, context) => options.nearest?.(evidence, context),
  };
}

/** Allows peers of these uids, by `unix:uid`. */
export function allowUids(...uids: readonly number[]): Policy {
  return stubPolicy({
    keys: ['unix:uid'],
    allow: (evidence) => hasValue(evidence, 'unix:uid', (value) => typeof value === 'number' && uids.includes(value)),
  });
}

/** Whether a key is present with a value that passes `test`. */
export function hasValue(evidence: Evidence, key: SelectorKey, test: (value: SelectorValue) => boolean): boolean {
  const entry = evidence.get(key);
  return entry?.state === 'present' && entry.values.some(test);
}

function unanswered(keys: ReadonlySet<SelectorKey>, evidence: Evidence): ReadonlySet<SelectorKey> {
  for (const key of keys) if (evidence.has(key)) return new Set([...keys].filter((other) => !evidence.has(other)));
  return keys;
}

function decision(answer: StubAnswer, terms: LeaseTerms | undefined): Decision {
  if (answer === false) return Object.freeze({ effect: 'deny', cause: 'default', rules: [], grant: {} });
  const { rule, grant = {} } = answer === true ? { rule: 'stub' } : answer;
  return Object.freeze({ effect: 'allow', cause: 'rule', rules: [rule], grant, ...(terms && { terms }) });
}
