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

/** Letters of other alphabets that look like those of ours, and signs that look like a colon or a dash. */
const LOOK_ALIKES: ReadonlyMap<string, string> = new Map(Object.entries({
  а: 'a', ɑ: 'a', α: 'a', с: 'c', ϲ: 'c', ԁ: 'd', е: 'e', ё: 'e', һ: 'h', і: 'i', ı: 'i', ι: 'i', ӏ: 'l', ј: 'j', κ: 'k', ⅼ: 'l', ո: 'n', о: 'o', ο: 'o', օ: 'o', р: 'p', ρ: 'p', ԛ: 'q',
  ѕ: 's', τ: 't', υ: 'u', ս: 'u', ν: 'v', ѵ: 'v', ԝ: 'w', х: 'x', χ: 'x', у: 'y', γ: 'y', 'ᴢ': 'z', '：': ':', '∶': ':', 'ː': ':', '։': ':', '꞉': ':', '‐': '-', '‑': '-', '–': '-', '−': '-', '＿': '_',
}));

/**
 * What a word means that looks like a known one and is spelled with other characters, with the first of these by number:
 * nobody sees the difference. Undefined where it looks like no plain word.
 */
export function lookAlike(text: string, known: Iterable<string>): string | undefined {
  if (text.length > 200 || /^[\x20-\x7e]*$/.test(text)) return undefined;
  let plain = '';
  let odd: string | undefined;
  // Compatibility forms first: full-width letters, ligatures. What is not seen at all is left away.
  for (const character of text.normalize('NFKC').replace(/[\p{Cf}\p{Mn}]/gu, '')) plain += LOOK_ALIKES.get(character) ?? character;
  for (const character of text) odd ??= /^[\x20-\x7e]$/.test(character) ? undefined : character;
  if (odd === undefined || plain === '' || !/^[\x20-\x7e]*$/.test(plain)) return undefined;
  const point = (odd.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  for (const candidate of known) if (candidate === plain) return `${quote(odd)} in it is U+${point}: did you mean ${quote(candidate)}?`;
  return `${quote(odd)} in it is U+${point}: it looks like ${quote(plain)} and is not`;
}
