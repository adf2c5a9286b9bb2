import type { YamlDocument } from '../document/document.js';
import { child, textOf } from '../document/node.js';
import type { FindingList } from '../findings/finding.js';
import { quote } from '../findings/escape.js';
import { milliseconds } from './duration.js';
import { formatUntil, parseMoment } from './moment.js';

/**
 * The moment from which a policy denies everything: the earliest that `expires` and `maxAge` of its documents name.
 * Undefined is never. A policy ages from `loadedMs`. An `expires` that comes within `soonMs` of it is warned of.
 */
export function parseValidity(documents: readonly YamlDocument[], loadedMs: number, findings: FindingList, soonMs = 0): number | undefined {
  const ends: number[] = [];
  for (const { root, source } of documents) {
    const node = child(root, 'expires');
    const text = textOf(root, 'expires');
    const ms = text === undefined ? undefined : parseMoment(text);
    if (ms !== undefined) ends.push(ms);
    else if (node !== undefined) findings.report('POLICY_EXPIRES', source, node, `${quote(text ?? '')} is not a moment in time`);
    if (ms !== undefined && node !== undefined && ms <= loadedMs) findings.report('POLICY_EXPIRED', source, node, 'the policy has expired, and denies everything');
    else if (ms !== undefined && node !== undefined && ms <= loadedMs + soonMs) findings.report('POLICY_EXPIRES_SOON', source, node, `the policy expires ${formatUntil(ms, loadedMs)}, and denies everything from then on`);
    const maxAge = textOf(root, 'maxAge');
    if (maxAge !== undefined) ends.push(loadedMs + milliseconds(maxAge));
  }
  return ends.length === 0 ? undefined : Math.min(...ends);
}
