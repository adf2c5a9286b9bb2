import type { DecisionRecord, RecordedCondition, RecordedSelector, SelectorKey } from '@portcullis/core';
import type { Colors } from '../../cli/colors.js';
import { line, type Line } from './line.js';
import type { Speller } from './spell.js';

/** Says why somebody was decided so, by what a record holds. */
export class Reasons {
  readonly #colors: Colors;
  readonly #speller: Speller;

  constructor(colors: Colors, speller: Speller) {
    this.#colors = colors;
    this.#speller = speller;
  }

  /** What decided: the cause, and the rule that did it or came nearest. */
  cause({ cause, code, rule, nearest, decision }: DecisionRecord): readonly Line[] {
    const { dim } = this.#colors;
    const first = line(code === undefined ? cause : `${cause}: ${code}`);
    if (rule !== undefined) return [first, ...[rule].flat().map((one) => line(one))];
    return decision === 'deny' && nearest !== undefined ? [first, line(`nearest ${nearest.rule}`, dim)] : [first];
  }

  /** @param tell keys that the determining rule asked for */
  why(record: DecisionRecord, tell: readonly SelectorKey[] = []): readonly Line[] {
    return [...(record.decision === 'allow' ? this.#granted(record) : this.#refused(record, tell)), ...this.#shadows(record)];
  }

  #granted({ grant }: DecisionRecord): readonly Line[] {
    const given = Object.entries(grant ?? {}).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
    return [line(given.length === 0 ? 'granted nothing but the way in' : `granted ${this.#speller.spell(given.join(', '))}`)];
  }

  #refused(record: DecisionRecord, tell: readonly SelectorKey[]): readonly Line[] {
    const { cause, reason, nearest, error } = record;
    if (cause === 'rule' || cause === 'unknown-evidence') return [...(reason === undefined ? [] : [line(this.#speller.spell(reason))]), ...this.#told(record, tell)];
    if (nearest === undefined) return [line(this.#speller.spell(error ?? WHY_LOST[record.code ?? ''] ?? 'refused before any rule was asked'))];
    const known = nearest.failed.filter(({ key }) => key in record.selectors || key in (record.unknown ?? {}));
    return known.flatMap((one) => this.#differs(one, record));
  }

  /** The values that a deny rule asked for. */
  #told({ selectors, unknown = {} }: DecisionRecord, tell: readonly SelectorKey[]): readonly Line[] {
    const keys = tell.length > 0 ? tell : Object.keys(unknown);
    return keys.flatMap((key) => {
      const why = unknown[key];
      if (why !== undefined) return [line(key), line(`  unknown: ${this.#speller.spell(why)}`)];
      const seen = selectors[key];
      return seen === undefined ? [] : [this.#head(key, seen), line(`  observed ${this.#values(seen)}`)];
    });
  }

  #differs({ key, expected, observed }: RecordedCondition, { selectors, unknown = {} }: DecisionRecord): readonly Line[] {
    const { dim, yellow } = this.#colors;
    const seen = selectors[key];
    const why = unknown[key];
    const what = why === undefined ? `observed ${seen === undefined ? String(observed) : this.#values(seen)}` : `unknown: ${this.#speller.spell(why)}`;
    const lines = [this.#head(key, seen), line(`  expected ${this.#speller.spell(expected)}`, dim), line(`  ${what}`)];
    return observed === expected ? [...lines, line(`  but ${seen?.tier ?? 'this tier'} is too weak for the rule`, yellow)] : lines;
  }

  #head(key: string, seen: RecordedSelector | undefined): Line {
    return line(seen === undefined ? key : `${key} [${seen.tier}]`, this.#colors.cyan);
  }

  #values({ values, absent, masked }: RecordedSelector): string {
    if (masked === true) return '(masked)';
    if (absent === true || values === undefined) return 'absent';
    return values.map((value) => this.#speller.spell(String(value))).join(', ');
  }

  /** Of rules on trial, those that would have changed the decision. */
  #shadows({ shadow = [], decision, cause }: DecisionRecord): readonly Line[] {
    const matters = decision === 'allow' ? 'deny' : cause === 'default' ? 'allow' : undefined;
    return shadow.filter(({ effect }) => effect === matters).map(({ rule, effect }) => line(`shadow: ${rule} would ${effect}`, this.#colors.dim));
  }
}

const WHY_LOST: Readonly<Record<string, string>> = {
  'peer-exited': 'it was gone before it could be looked at, whoever has its process id now',
  'early-data': 'it began to send before the look at its program was over',
  'peer-changed': 'it ran another program before the look at it was over',
  'peer-unseen': 'nobody could see whether it still runs the same program',
};
