import type { Colors } from '../cli/colors.js';
import { escapeText } from '@portcullis/core';
import type { InspectedKey, Inspection } from './inspection.js';

const MOST_VALUE = 300;

/** An inspection for people: foreign text escaped (I11), sensitive values masked (I10). */
export function formatInspection(inspection: Inspection, colors: Colors): string {
  const { pid, uid, gid, pin, connection, keys, unasked, lost } = inspection;
  const width = Math.max(...keys.map(({ key }) => key.length));
  const block = (title: string, state: InspectedKey['state'], line: (key: InspectedKey) => string): readonly string[] => {
    const of = keys.filter((key) => key.state === state);
    return of.length === 0 ? [] : ['', colors.bold(title), ...of.map((key) => `  ${key.key.padEnd(width)}  ${line(key)}`)];
  };
  return [
    `pid ${String(pid)}, uid ${String(uid)}${gid === undefined ? '' : `, gid ${String(gid)}`}, held by ${pin}${connection ? '' : ' (no connection: these are the ids it has now)'}`,
    ...(lost === undefined ? [] : [colors.red(`not evidence: ${escapeText(lost)}`)]),
    ...block('present', 'present', (key) => `${valueOf(key)}  ${colors.dim(key.tier ?? '')}`),
    ...block('absent: looked, and it is not so', 'absent', ({ tier }) => colors.dim(tier ?? '')),
    ...block('unknown: could not look', 'unknown', ({ why, detail }) => colors.yellow(`${why ?? ''}${detail === undefined ? '' : `: ${escapeText(detail)}`}`)),
    ...(unasked.length === 0 ? [] : ['', `not asked, since nothing named them: ${unasked.join(', ')} (--key)`]),
  ].join('\n');
}

function valueOf({ values, masked }: InspectedKey): string {
  if (masked === true) return '(masked)';
  return escapeText((values ?? []).map(String).join(', '), MOST_VALUE);
}
