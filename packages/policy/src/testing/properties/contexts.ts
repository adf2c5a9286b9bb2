import type { PolicyContext } from '@portcullis/core';
import type { CompiledPolicy } from '../../decide/compiled-policy.js';
import type { Rule } from '../../source/rule.js';
import { momentsOf } from './moments.js';

export interface Contexts {
  readonly contexts: readonly PolicyContext[];
  /** Whether no moment that rules can tell apart is missing. */
  readonly complete: boolean;
}

/** Every listener and moment that enforced rules can tell apart: one example of each, those of the clock first. Limits have room. */
export function contextsOf(policy: CompiledPolicy, listeners: readonly string[] | undefined, clockMs: number): Contexts {
  const enforced = policy.rules.filter(({ shadow }) => !shadow);
  const { moments, complete } = momentsOf(enforced, policy.expiresMs, clockMs);
  const contexts = (listeners ?? listenersOf(enforced)).flatMap((listener) => moments.map((nowMs) => ({ listener, nowMs })));
  return { contexts, complete };
}

/** The same of several policies together: each moment at which another set of their rules is in force. */
export function contextsOfAll(policies: readonly CompiledPolicy[], clockMs: number): Contexts {
  const enforced = policies.flatMap(({ rules }) => rules.filter(({ shadow }) => !shadow));
  const ends = policies.flatMap(({ expiresMs }) => (expiresMs === Infinity ? [] : [{ expiresMs, window: undefined }]));
  const { moments, complete } = momentsOf([...enforced, ...ends], Infinity, clockMs);
  return { contexts: listenersOf(enforced).flatMap((listener) => moments.map((nowMs) => ({ listener, nowMs }))), complete };
}

/** Those that rules are bound to, and one that no rule names. */
function listenersOf(rules: readonly Rule[]): readonly string[] {
  const bound = new Set(rules.flatMap(({ listeners }) => [...(listeners ?? [])]));
  let other = 'default';
  for (let number = 2; bound.has(other); number++) other = `other-${String(number)}`;
  return [...bound, other];
}
