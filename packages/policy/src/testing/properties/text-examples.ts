import type { Matcher } from '../../source/condition.js';
import { Pattern, type Positions } from './pattern.js';

/** States of all patterns together that are visited at most, for one key. */
export const MAX_STATES = 50_000;

export interface TextExamples {
  readonly texts: readonly string[];
  /** Whether every combination of patterns that some text can match has its example among them. */
  readonly complete: boolean;
}

interface State {
  readonly text: string;
  readonly positions: readonly Positions[];
  /** The texts named exactly that begin with `text`; a text beside them all has none. */
  readonly exact: Exact | undefined;
}

/** Texts named exactly, by their code points. */
class Exact {
  readonly next = new Map<string, Exact>();
  ends = false;

  add(text: string): void {
    let at = this as Exact;
    for (const point of text) {
      let next = at.next.get(point);
      if (next === undefined) at.next.set(point, (next = new Exact()));
      at = next;
    }
    at.ends = true;
  }
}

/**
 * A text for every combination of patterns that any text can match: all patterns are run at once, from every state that a
 * text can lead to, shortest texts first. Texts that are named exactly are examples of themselves, and of nothing else.
 * @param first what every text begins with: `/` for paths
 */
export function exampleTexts(matchers: readonly Matcher[], exactTexts: ReadonlySet<string>, first: string, maxStates = MAX_STATES): TextExamples {
  const patterns = matchers.map((matcher) => Pattern.of(matcher)).filter((one) => one !== undefined);
  const alphabet = alphabetOf(patterns, exactTexts);
  if (patterns.length === 0) return { texts: [...exactTexts, otherText(exactTexts, `${first}${alphabet[0] ?? ''}`)], complete: true };
  const root = new Exact();
  for (const text of exactTexts) root.add(text);
  const found = new Map<string, string>();
  const seen = new Set<string>();
  let queue: State[] = [{ text: '', positions: patterns.map(({ start }) => start), exact: root }];
  while (queue.length > 0) {
    const nextQueue: State[] = [];
    for (const state of queue) {
      for (const point of state.text === '' && first !== '' ? [first] : alphabet) {
        const next = step(state, point, patterns);
        const id = `${next.positions.join(' ')} ${next.exact === undefined ? '' : next.text}`;
        if (seen.has(id)) continue;
        if (seen.size >= maxStates) return { texts: [...exactTexts, ...found.values()], complete: false };
        seen.add(id);
        nextQueue.push(next);
        if (next.exact?.ends === true) continue;
        const matched = patterns.map((pattern, index) => (pattern.accepts(next.positions[index] ?? 0n) ? '1' : '0')).join('');
        if (!found.has(matched)) found.set(matched, next.text);
      }
    }
    queue = nextQueue;
  }
  return { texts: [...exactTexts, ...found.values()], complete: true };
}

function step({ text, positions, exact }: State, point: string, patterns: readonly Pattern[]): State {
  return { text: text + point, positions: patterns.map((pattern, index) => pattern.next(positions[index] ?? 0n, point)), exact: exact?.next.get(point) };
}

/** What is named, a slash, and one code point that nobody names: all others behave as it does. */
function alphabetOf(patterns: readonly Pattern[], exactTexts: ReadonlySet<string>): readonly string[] {
  const named = new Set(['/', ...patterns.flatMap((pattern) => [...pattern.named]), ...[...exactTexts].flatMap((text) => Array.from(text))]);
  const other = Array.from('xyzabcdefghijklmnopqrstuvwXYZ0123456789').find((point) => !named.has(point)) ?? unnamed(named);
  return [other, ...named];
}

/** A text that nobody names. */
function otherText(exactTexts: ReadonlySet<string>, like: string): string {
  for (let text = like; ; text += 'x') if (!exactTexts.has(text)) return text;
}

function unnamed(named: ReadonlySet<string>): string {
  for (let point = 0x100; ; point++) if (!named.has(String.fromCodePoint(point))) return String.fromCodePoint(point);
}
