import { createHash } from 'node:crypto';
import type { Evidence } from '../evidence.js';
import type { SelectorKey } from '../selector.js';

/** A token bucket: `burst` at once, and `perSecond` more every second. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** What an allow rule may admit: its `limit`, counted for each set of values that peers have for `key`. */
export interface Limit {
  /** The same for the same rule with the same limit, in whatever policy: what was counted is kept by it. */
  readonly id: string;
  readonly rule: string;
  readonly key: readonly SelectorKey[];
  readonly rate?: Rate;
  /** Connections that live at once. */
  readonly concurrent?: number;
}

/** What was counted so far: an input of decisions like evidence and clock (I6). Asking changes no answer. */
export interface LimitState {
  /** Whether the limit has room for one more such peer. False where a key of it is not known. */
  hasRoom(limit: Limit, evidence: Evidence, nowMs: number): boolean;
}

/** Longer names are kept as their digest: a peer chooses how long its values are. */
const LONGEST_NAME = 128;

/**
 * The set of values that a peer is counted under; undefined where a key is not known. Absent is a value of its own, and so
 * is each combination of values of a key that has many.
 */
export function bucketName({ key }: Limit, evidence: Evidence): string | undefined {
  const parts: unknown[] = [];
  for (const one of key) {
    const evidenced = evidence.get(one);
    if (evidenced === undefined || evidenced.state === 'unknown') return undefined;
    parts.push(evidenced.state === 'absent' ? null : evidenced.values);
  }
  const name = JSON.stringify(parts);
  return name.length <= LONGEST_NAME ? name : createHash('sha256').update(name).digest('base64');
}

/** The state that a decision was made in, of which only exhausted limits are known: for replay, tests and explanations. */
export function exhaustedLimits(rules: Iterable<string>): LimitState {
  const exhausted = new Set(rules);
  return { hasRoom: ({ rule }) => !exhausted.has(rule) };
}
