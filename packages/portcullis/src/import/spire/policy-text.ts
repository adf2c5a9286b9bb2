import { escapeJson, escapeText } from '@portcullis/core';
import type { Carried, Converted } from './convert.js';
import type { SpireEntry } from './entry.js';

/** As many refused entries are named in the policy. */
const MOST_NAMED = 100;

/**
 * The policy, in the layout of `portcullis fmt`. The grant has the SPIFFE ID as a name, so that a workload gets the set of
 * all IDs whose entries match it, as from SPIRE, and no two rules contradict each other.
 */
export function policyText({ carried, refused }: Converted): string {
  const ids = ruleIds(carried.map(({ entry }) => entry));
  return [
    '# Registration entries of SPIRE, by `portcullis import spire`. Grants have the SPIFFE IDs as names.',
    ...refused.slice(0, MOST_NAMED).map(({ entry, why }) => `# Not imported: ${nameEntry(entry)}: ${escapeText(why, 512)}`),
    ...(refused.length > MOST_NAMED ? [`# Not imported: ${String(refused.length - MOST_NAMED)} more.`] : []),
    'apiVersion: portcullis/v1',
    'kind: AdmissionPolicy',
    'rules:',
    ...carried.flatMap((one, index) => ruleLines(one, ids[index] ?? String(index))),
    '',
  ].join('\n');
}

/** An entry as messages call it. */
export function nameEntry({ id, spiffeId }: SpireEntry): string {
  return escapeText(id === '' ? spiffeId : `${spiffeId} (${id})`, 512);
}

function ruleLines({ entry, conditions }: Carried, id: string): readonly string[] {
  return [
    `  - id: ${quoted(id)}`,
    '    effect: allow',
    ...(entry.expiresAt === 0 ? [] : [`    expires: ${quoted(new Date(entry.expiresAt * 1000).toISOString())}`]),
    '    when:',
    '      all:',
    ...conditions.map((condition) => `        - ${quoted(condition)}`),
    '    grant:',
    `      ${quoted(entry.spiffeId)}: true`,
    '    annotations:',
    ...Object.entries(annotationsOf(entry)).map(([name, value]) => `      ${name}: ${quoted(value)}`),
  ];
}

function annotationsOf({ id, spiffeId, parentId, hint, dnsNames, federatesWith, admin, downstream }: SpireEntry): Readonly<Record<string, string>> {
  return {
    'spiffe-id': spiffeId,
    ...(id === '' ? {} : { 'spire.entry': id }),
    'spire.parent': parentId,
    ...(hint === '' ? {} : { 'spire.hint': hint }),
    ...(dnsNames.length === 0 ? {} : { 'spire.dns-names': dnsNames.join(' ') }),
    ...(federatesWith.length === 0 ? {} : { 'spire.federates-with': federatesWith.join(' ') }),
    ...(admin ? { 'spire.admin': 'true' } : {}),
    ...(downstream ? { 'spire.downstream': 'true' } : {}),
  };
}

/** The path of the SPIFFE ID where that tells the entries apart, and the entry's own id behind it where it does not. */
function ruleIds(entries: readonly SpireEntry[]): readonly string[] {
  const slugs = entries.map(({ spiffeId }) => slugOf(spiffeId.replace(/^spiffe:\/\/[^/]*\/?/, '')) || 'root');
  const count = new Map<string, number>();
  for (const slug of slugs) count.set(slug, (count.get(slug) ?? 0) + 1);
  const taken = new Set<string>();
  return slugs.map((slug, index) => {
    const own = slugOf(entries[index]?.id ?? '');
    const wish = count.get(slug) === 1 ? slug : `${slug}.${own === '' ? String(index) : own}`;
    const free = taken.has(wish) ? `${wish}.${String(index)}` : wish;
    taken.add(free);
    return free;
  });
}

/** Within what a rule may be called, with room for what comes behind. */
function slugOf(text: string): string {
  return text.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '').slice(0, 56);
}

/** A text as YAML: JSON's double quotes, with everything escaped that a terminal or a reader of YAML would obey. */
function quoted(text: string): string {
  return escapeJson(JSON.stringify(text));
}
