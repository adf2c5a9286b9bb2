import { escapeJson, escapeText } from '@portcullis/core';
import type { ReplayCounts, ReplayedPeer, ReplayGroup, Verdict } from '@portcullis/policy';
import type { Colors } from '../cli/colors.js';
import { plural } from '../plural.js';
import type { LogSummary } from './decision-log.js';

/** What a replay came to. */
export interface ReplayResult {
  readonly policy: { readonly name: string; readonly revision: string };
  readonly log: LogSummary;
  readonly counts: ReplayCounts;
  readonly groups: readonly ReplayGroup[];
  readonly ungrouped: number;
}

const TITLES: readonly (readonly [ReplayGroup['change'], string])[] = [
  ['admits', 'refused then, would be admitted'],
  ['refuses', 'admitted then, would be refused'],
  ['grant', 'would be granted something else'],
  ['undetermined', 'cannot be told: it depends on what the record does not tell'],
];
const MOST_PEERS = 10;

/** A replay for people: foreign text escaped (I11). */
export function formatReplay({ policy, log, counts, groups, ungrouped }: ReplayResult, colors: Colors): string {
  const out = [`${plural(log.decisions, 'decision')} under ${escapeText(policy.name)} ${escapeText(policy.revision)}: ${String(counts.same)} as they were`];
  if (counts.beside > 0) out.push(`${plural(counts.beside, 'connection')} that no policy decided, then as now: refused before it was asked, or lost meanwhile`);
  for (const [change, title] of TITLES) {
    if (counts[change] === 0) continue;
    const paint = change === 'admits' ? colors.green : change === 'refuses' ? colors.red : colors.yellow;
    out.push('', paint(`${String(counts[change])} ${title}`));
    for (const group of groups) if (group.change === change) out.push(...formatGroup(group));
  }
  if (ungrouped > 0) out.push('', `${String(ungrouped)} more of other kinds`);
  return [...out, ...formatLog(log)].join('\n');
}

function formatGroup(group: ReplayGroup): readonly string[] {
  const { was, now, missing, count, peers, omitted } = group;
  const then = now === undefined ? (missing.length === 0 ? 'undetermined' : `depends on ${missing.join(', ')}`) : spell(now, group.change === 'grant');
  const shown = peers.slice(0, MOST_PEERS);
  const more = omitted + peers.slice(MOST_PEERS).reduce((sum, peer) => sum + peer.count, 0);
  return [
    `  ${String(count)} ×  ${spell(was, group.change === 'grant')}  →  ${then}`,
    ...shown.map((peer) => `      ${formatPeer(peer)}`),
    ...(more > 0 ? [`      ${String(more)} more of other peers`] : []),
  ];
}

function formatPeer({ listener, uid, path, count, line }: ReplayedPeer): string {
  const who = [uid === undefined ? 'nobody known' : `uid ${String(uid)}`, ...(path === undefined ? [] : [escapeText(path, 200)])].join(' ');
  return `${String(count)} × ${who} on ${escapeText(listener, 200)}, first in line ${String(line)}`;
}

function spell({ decision, cause, rules, grant }: Verdict, granted: boolean): string {
  const by = rules.length === 0 ? escapeText(cause, 100) : `by ${escapeText(rules.join(', '), 300)}`;
  return `${decision} ${by}${decision === 'deny' && rules.length > 0 && cause !== 'rule' ? ` (${escapeText(cause, 100)})` : ''}${granted ? ` ${escapeText(escapeJson(JSON.stringify(grant)), 300)}` : ''}`;
}

/** What could not be read. */
export function formatLog({ lines, decisions, problems, unreadable, torn }: LogSummary): readonly string[] {
  const none = decisions > 0 ? [] : ['', lines === 0 ? 'the log is empty' : 'the log has no `decision` records, or none of the listeners that were asked for'];
  if (unreadable === 0 && torn === undefined) return none;
  const more = unreadable - problems.length;
  return [
    ...none,
    '',
    ...problems.map(({ line, why }) => `line ${String(line)} is passed over: ${escapeText(why, 300)}`),
    ...(more > 0 ? [`${plural(more, 'more line')} cannot be read`] : []),
    ...(torn === undefined ? [] : [`line ${String(torn)}, the last one, breaks off: it is left out`]),
  ];
}
