import type { SelectorDefinition } from './catalogue.js';
import { unknown, type Evidence, type Evidenced, type Unknown } from './evidence.js';
import type { SelectorKey } from './selector.js';
import { costRank, weakestTier, type TrustTier } from './tiers.js';

type Find = (key: SelectorKey) => SelectorDefinition | undefined;

/** What keys that need no others are given. */
export const NOTHING_GIVEN: Evidence = Object.freeze({ get: () => undefined, has: () => false, size: 0, [Symbol.iterator]: () => [][Symbol.iterator]() });

/**
 * Why the needs of a definition cannot be met in order, or undefined: a ring of them would never end, and what rests on
 * something dear is not cheap itself. A key that no attestor has is no fault: it is unknown, and what needs it too.
 */
export function needsFault({ key, cost, needs = [] }: SelectorDefinition, find: Find): string | undefined {
  for (const need of needs) {
    const needed = find(need);
    if (needed === undefined) continue;
    if (costRank(needed.cost) > costRank(cost)) return `\`${key}\` costs less than \`${need}\`, which it needs`;
    if (needsReach(needed, key, find, new Set())) return `\`${key}\` needs itself, by way of \`${need}\``;
  }
  return undefined;
}

function needsReach(from: SelectorDefinition, target: SelectorKey, find: Find, seen: Set<SelectorDefinition>): boolean {
  if (from.key === target) return true;
  if (seen.has(from)) return false;
  seen.add(from);
  return (from.needs ?? []).some((need) => {
    const next = find(need);
    return next !== undefined && needsReach(next, target, find, seen);
  });
}

/** All keys that may be asked where `keys` are: with what they need, and what that needs. */
export function withNeeds(keys: Iterable<SelectorKey>, find: Find): ReadonlySet<SelectorKey> {
  const all = new Set(keys); // which grows while it is gone through
  for (const key of all) for (const need of find(key)?.needs ?? []) all.add(need);
  return all;
}

/** Those of `needs` that nobody asked yet; the very set where that is all of them, undefined where it is none. */
export function unaskedOf(needs: ReadonlySet<SelectorKey>, evidence: Evidence): ReadonlySet<SelectorKey> | undefined {
  const unasked = [...needs].filter((key) => !evidence.has(key));
  return unasked.length === 0 ? undefined : unasked.length === needs.size ? needs : new Set(unasked);
}

/** I4: what rests on something unknown is unknown, for the same reason. */
export function unknownByNeed({ needs = [] }: SelectorDefinition, evidence: Evidence): Unknown | undefined {
  for (const need of needs) {
    const entry = evidence.get(need);
    if (entry?.state !== 'unknown') continue;
    return unknown(entry.why, entry.detail === undefined ? `\`${need}\` is unknown` : `\`${need}\`: ${entry.detail}`);
  }
  return undefined;
}

/** I5: what is computed from evidence is worth no more than the least of it. */
export function ceilingOf({ needs = [] }: SelectorDefinition, evidence: Evidence, ceiling: TrustTier | undefined): TrustTier | undefined {
  let least = ceiling;
  for (const need of needs) {
    const entry = evidence.get(need);
    if (entry === undefined || entry.state === 'unknown') continue;
    least = least === undefined ? entry.tier : weakestTier(least, entry.tier);
  }
  return least;
}

/** The evidence of what these definitions need, and no other: an answer must not depend on what else was asked before. */
export function givenTo(definitions: Iterable<SelectorDefinition>, evidence: Evidence): Evidence {
  const given = new Map<SelectorKey, Evidenced>();
  for (const { needs = [] } of definitions) {
    for (const need of needs) {
      const entry = evidence.get(need);
      if (entry !== undefined) given.set(need, entry);
    }
  }
  return given;
}
