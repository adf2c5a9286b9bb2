import { createHash } from 'node:crypto';
import type { Condition, Matcher } from '../source/condition.js';
import type { Rule } from '../source/rule.js';

/** Words of a rule that decide nothing: where it stands, what it is called, what it tells people. */
const TELLING: ReadonlySet<string> = new Set(['id', 'source', 'span', 'reason', 'annotations']);

/** Spells rules so that two with the same text mean the same, part by part. Sets are written out, and each once. */
export class RuleShapes {
  readonly #conditions = new Map<Condition, string>();

  /** Every word of a rule that decides something, with the text of its meaning. */
  words(rule: Rule): ReadonlyMap<string, string> {
    const words = new Map<string, string>();
    const { handoff, ...terms } = rule.terms;
    for (const [word, value] of Object.entries({ ...rule, terms, handoff }) as [string, unknown][]) {
      if (!TELLING.has(word)) words.set(word, word === 'when' ? this.#condition(rule.when) : plain(value));
    }
    return words;
  }

  /** All of it. */
  shape(rule: Rule): string {
    return JSON.stringify([...this.words(rule)].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  #condition(condition: Condition): string {
    const known = this.#conditions.get(condition);
    if (known !== undefined) return known;
    const text = condition.kind === 'test'
      ? JSON.stringify([condition.key, matcherOf(condition.matcher)])
      : createHash('sha256').update(JSON.stringify([condition.kind, condition.conditions.map((part) => this.#condition(part)).sort()])).digest('base64');
    this.#conditions.set(condition, text);
    return text;
  }
}

function matcherOf(matcher: Matcher): unknown {
  switch (matcher.op) {
    case 'exact':
      return ['exact', ...[...matcher.values].map((value) => JSON.stringify(value)).sort()];
    case 'glob':
      return ['glob', matcher.glob.pattern];
    case 'not':
      return ['not', matcherOf(matcher.matcher)];
    case 'exists':
    case 'prefix':
    case 'range':
      return Object.values(matcher);
  }
}

/** Sets in order, so that the order in which they were written makes no difference. */
function plain(value: unknown): string {
  // Of undefined, `JSON.stringify` makes undefined.
  return JSON.stringify(value === undefined ? null : value, (_, one: unknown) => {
    if (one instanceof Set) return ['set', ...[...(one as ReadonlySet<unknown>)].map((item) => JSON.stringify(item)).sort()];
    // Windows and limits have one spelling for all that mean the same.
    if (typeof one === 'object' && one !== null && 'expected' in one) return one.expected;
    if (typeof one === 'object' && one !== null && !Array.isArray(one)) return Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)));
    return one;
  });
}
