import { escapeText, type NearestMiss } from '@portcullis/core';

type Failed = NearestMiss['failed'][number];

/** The allow rule that a refused peer came nearest to, and what it lacked: foreign text escaped (I11). */
export function formatNearest({ rule, place, failed }: NearestMiss): string {
  const head = `nearest: allow ${rule}  ${escapeText(place.file)}:${String(place.line)}`;
  return [head, ...failed.map((one) => `  ${one.key} wants ${escapeText(one.expected)}, ${found(one)}`)].join('\n');
}

function found({ state, observed, why }: Failed): string {
  const values = observed.map((value) => escapeText(String(value), 256)).join(', ');
  if (state === 'present') return `is ${values}`;
  if (state === 'too-weak') return `${values === '' ? 'absent' : `is ${values}`}, but too weak for this rule`;
  if (state === 'unknown') return `unknown${why === undefined ? '' : ` (${why})`}`;
  return state === 'absent' ? 'absent' : 'not collected';
}
