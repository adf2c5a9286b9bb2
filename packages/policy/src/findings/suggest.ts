import { closest, distance } from 'fastest-levenshtein';
import { quote } from './escape.js';

/** Candidates beyond this many are not compared: a suggestion is not worth a slow refusal. */
const MAX_CANDIDATES = 2000;

/** `did you mean \`x\`?` for the candidate nearest to `text`, or undefined where none is near. */
export function didYouMean(text: string, candidates: Iterable<string>): string | undefined {
  if (text.length === 0 || text.length > 200) return undefined;
  const list: string[] = [];
  for (const candidate of candidates) {
    if (candidate.length <= 200 && list.push(candidate) >= MAX_CANDIDATES) break;
  }
  if (list.length === 0) return undefined;
  const best = closest(text, list);
  const near = distance(text.toLowerCase(), best.toLowerCase()) <= Math.max(1, Math.floor(Math.min(text.length, best.length) / 3));
  return near ? `did you mean ${quote(best)}?` : undefined;
}
