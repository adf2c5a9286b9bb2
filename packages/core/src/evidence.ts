import type { SelectorKey, SelectorValue } from './selector.js';
import type { TrustTier } from './tiers.js';

/** Why a key could not be looked at. The list is closed, so that scripts and dashboards can count by it. */
export const UNKNOWN_REASONS = [
  /** This kernel has not the feature. */
  'kernel-unsupported',
  /** This kind of socket cannot answer. */
  'socket-unsupported',
  /** The kernel answered EACCES or EPERM (a non-dumpable or set-uid peer, hidepid). */
  'permission',
  'peer-exited',
  /** The peer lives in a pid namespace that cannot be seen from here (T13). */
  'not-visible',
  /** The peer changed its program while it was looked at. */
  'peer-changed',
  /** The exe is not among the executable mappings of the process (T4). */
  'foreign-code',
  /** A container's look-alike outside the anchors (T7). */
  'unanchored',
  'timeout',
  /** A cap was reached: size, count, budget. */
  'limit',
  /** The answer was not text that can be decoded strictly (I11). */
  'undecodable',
  /** The service that would know did not answer. */
  'service-down',
  /** The value was masked when the evidence was recorded. */
  'masked',
  /** No attestor of this gate establishes the key. */
  'no-attestor',
  /** The attestor threw, or answered outside its catalogue. */
  'attestor-defect',
  /** Only in evidence files: the file does not mention the key. */
  'not-mentioned',
  /** The kernel answered with an error that has no name here; `detail` has the call and the errno. */
  'system-error',
] as const;

export type UnknownReason = (typeof UNKNOWN_REASONS)[number];

export interface Present {
  readonly state: 'present';
  /** One or more, sorted, free of duplicates. An empty list is not evidence: say absent. */
  readonly values: readonly SelectorValue[];
}
export interface Absent {
  readonly state: 'absent';
}
export interface Unknown {
  readonly state: 'unknown';
  readonly why: UnknownReason;
  /** The system call as called and its errno, or what was seen. Bounded and escaped by who shows it. */
  readonly detail?: string;
}

/** What an attestor answers for one wanted key. `tier` may weaken what the catalogue promises, never strengthen it. */
export type Finding = ((Present | Absent) & { readonly tier?: TrustTier }) | Unknown;

/** A finding as the engine keeps it: what was seen carries its tier (I5). */
export type Evidenced = ((Present | Absent) & { readonly tier: TrustTier }) | Unknown;

/** What an attestor returns: one finding for every wanted key. */
export type Findings = ReadonlyMap<SelectorKey, Finding>;

/** All that is known of a peer. A key that is not in it is *unasked*, which is never read as unknown or absent. */
export interface Evidence {
  get(key: SelectorKey): Evidenced | undefined;
  has(key: SelectorKey): boolean;
  readonly size: number;
  [Symbol.iterator](): IterableIterator<[SelectorKey, Evidenced]>;
}

export function unknown(why: UnknownReason, detail?: string): Unknown {
  return detail === undefined ? { state: 'unknown', why } : { state: 'unknown', why, detail };
}

export const ABSENT: Absent = Object.freeze({ state: 'absent' });
