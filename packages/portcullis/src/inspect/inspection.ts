import type { Catalogue, Evidence, SelectorKey, SelectorValue, TrustTier, UnknownReason } from '@portcullis/core';

/** One key of a process as a policy would see it. */
export interface InspectedKey {
  readonly key: SelectorKey;
  readonly state: 'present' | 'absent' | 'unknown';
  /** With `present`; left out where the key is sensitive (I10). */
  readonly values?: readonly SelectorValue[];
  readonly masked?: true;
  /** With `present` and `absent` (I5). */
  readonly tier?: TrustTier;
  /** With `unknown`: the reason, and the call that failed. */
  readonly why?: UnknownReason;
  readonly detail?: string;
}

/** What a process looks like. */
export interface Inspection {
  readonly pid: number;
  readonly uid: number;
  /** Undefined of a TCP connection. */
  readonly gid?: number;
  /** How firmly it was held meanwhile. */
  readonly pin: string;
  /** Whether there was a connection: without one, what is frozen at connect is unknown. */
  readonly connection: boolean;
  readonly keys: readonly InspectedKey[];
  /** Keys that are read only when they are named: arguments, environment. */
  readonly unasked: readonly string[];
  /** Set when the process exited or changed while it was looked at: nothing above is then evidence. */
  readonly lost?: string;
}

/** Evidence as a list, sorted by key. */
export function inspectedKeys(evidence: Evidence, catalogue: Catalogue): readonly InspectedKey[] {
  const keys: InspectedKey[] = [];
  for (const [key, entry] of evidence) {
    if (entry.state === 'unknown') keys.push({ key, state: 'unknown', why: entry.why, ...(entry.detail !== undefined && { detail: entry.detail }) });
    else if (entry.state === 'absent') keys.push({ key, state: 'absent', tier: entry.tier });
    else if (catalogue.find(key)?.sensitive === true) keys.push({ key, state: 'present', masked: true, tier: entry.tier });
    else keys.push({ key, state: 'present', values: entry.values, tier: entry.tier });
  }
  return keys.sort((a, b) => (a.key < b.key ? -1 : 1));
}
