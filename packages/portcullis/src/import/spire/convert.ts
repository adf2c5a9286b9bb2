import type { Catalogue } from '@portcullis/core';
import { isNodeEntry, type SpireEntry } from './entry.js';
import { translateSelector } from './selector-key.js';

/** An entry that became a rule. */
export interface Carried {
  readonly entry: SpireEntry;
  /** All of them must hold: SPIRE's subset rule. */
  readonly conditions: readonly string[];
  /** What the entry says beside who matches, and that has no meaning here. */
  readonly notes: readonly string[];
}

/** An entry that did not, and why. */
export interface Refused {
  readonly entry: SpireEntry;
  readonly why: string;
}

export interface Converted {
  readonly carried: readonly Carried[];
  readonly refused: readonly Refused[];
}

/** Tests of one rule at most; the policy has a limit of its own far beyond. */
const MOST_SELECTORS = 256;
/** What a SPIFFE ID may look like (SPIFFE-ID 2): lower-case trust domain, path segments of these characters. */
const SPIFFE_ID = /^spiffe:\/\/[a-z0-9._-]{1,255}(\/[A-Za-z0-9._-]{1,256}){0,64}$/;
/** The last second that a policy can name: the end of the year 9999. */
const LAST_SECOND = 253_402_300_799;

/** Each entry as a conjunction of its selectors, or why it cannot be one. */
export function convertEntries(entries: readonly SpireEntry[], catalogue: Catalogue): Converted {
  const carried: Carried[] = [];
  const refused: Refused[] = [];
  for (const entry of entries) {
    const result = convert(entry, catalogue);
    if (typeof result === 'string') refused.push({ entry, why: result });
    else carried.push(result);
  }
  return { carried, refused };
}

function convert(entry: SpireEntry, catalogue: Catalogue): Carried | string {
  if (!SPIFFE_ID.test(entry.spiffeId)) return 'its SPIFFE ID is malformed';
  if (isNodeEntry(entry)) return 'it describes a node, by selectors of node attestation, and no workload';
  if (entry.storeSvid) return 'its identity is kept in a store, and is no running workload\'s';
  if (entry.strange.length > 0) return `it has fields that are not known here, which might restrict it: \`${entry.strange.join('`, `')}\``;
  if (entry.selectors.length === 0) return 'it has no selectors, and would match everyone';
  if (entry.selectors.length > MOST_SELECTORS) return `it has more than ${String(MOST_SELECTORS)} selectors`;
  if (entry.expiresAt < 0 || entry.expiresAt > LAST_SECOND) return 'its expiry is no date';
  const conditions = new Set<string>();
  for (const selector of entry.selectors) {
    const translated = translateSelector(selector, catalogue);
    if ('problem' in translated) return translated.problem;
    conditions.add(translated.condition);
  }
  return { entry, conditions: [...conditions], notes: notesOf(entry) };
}

function notesOf({ admin, downstream, federatesWith }: SpireEntry): readonly string[] {
  return [
    ...(admin ? ['`admin` is an annotation only: nobody gets rights over a SPIRE server here'] : []),
    ...(downstream ? ['`downstream` is an annotation only: nobody signs for other servers here'] : []),
    ...(federatesWith.length > 0 ? ['`federates_with` is an annotation only: there are no trust bundles here'] : []),
  ];
}
