import { posix } from 'node:path';
import type { SelectorDefinition } from '@portcullis/core';
import { quote } from '../findings/escape.js';

const PROBLEM = 'no path is seen with `//`, `/./`, `..` behind a name, or a slash at its end';

/** Why no peer has such a value, and how it would be seen; undefined where there may be one. */
export function valueSpelling({ value: { type } }: SelectorDefinition, value: unknown): { readonly problem: string; readonly suggestion: string } | undefined {
  if (type !== 'path' || typeof value !== 'string' || isSeen('value', value)) return undefined;
  return { problem: PROBLEM, suggestion: `did you mean ${quote(posix.normalize(value).replace(/(?<=.)\/$/, ''))}?` };
}

/** Why no peer has a path of such a pattern, or undefined. */
export function patternSpelling(op: 'glob' | 'prefix', pattern: string): string | undefined {
  return isSeen(op, pattern) ? undefined : PROBLEM;
}

/**
 * Whether the kernel may spell a path so: without `//`, `.` and a slash at its end, and with `..` only where it leads out of what can be
 * seen, which is before any name. A deny rule on another spelling would protect nothing, and say nothing.
 */
function isSeen(op: 'value' | 'glob' | 'prefix', text: string): boolean {
  if (text === '/') return true;
  const parts = text.split('/').slice(1);
  if (op === 'prefix') parts.pop(); // a part of a name, or of nothing yet
  let named = false;
  for (const part of parts) {
    if (part === '' || part === '.' || (part === '..' && named)) return false;
    // A part with wildcards may stand for `..` itself.
    named ||= part !== '..' && !(op === 'glob' && /[*?]/.test(part));
  }
  return true;
}
