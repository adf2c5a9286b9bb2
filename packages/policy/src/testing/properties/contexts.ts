import type { PolicyContext } from '@portcullis/core';
import type { Rule } from '../../source/rule.js';

/** Every listener and moment that enforced rules can tell apart: one example of each, those of the clock first. */
export function contextsOf(rules: readonly Rule[], listeners: readonly string[] | undefined, clockMs: number): readonly PolicyContext[] {
  const enforced = rules.filter(({ shadow }) => !shadow);
  const moments = momentsOf(enforced, clockMs);
  return (listeners ?? listenersOf(enforced)).flatMap((listener) => moments.map((nowMs) => ({ listener, nowMs })));
}

/** Those that rules are bound to, and one that no rule names. */
function listenersOf(rules: readonly Rule[]): readonly string[] {
  const bound = new Set(rules.flatMap(({ listeners }) => [...(listeners ?? [])]));
  let other = 'default';
  for (let number = 2; bound.has(other); number++) other = `other-${String(number)}`;
  return [...bound, other];
}

/** The clock, and every time between two changes of which rules are in force, on one side of it and on the other. */
function momentsOf(rules: readonly Rule[], clockMs: number): readonly number[] {
  const edges = [...new Set(rules.flatMap(({ expiresMs }) => (expiresMs === undefined ? [] : [expiresMs])))].sort((a, b) => a - b);
  const [first] = edges;
  if (first === undefined) return [clockMs];
  const moments = [first - 1, ...edges];
  const now = moments.findLastIndex((moment, index) => index === 0 || moment <= clockMs);
  return [clockMs, ...moments.filter((_, index) => index !== now)];
}
