import { quote } from '../findings/escape.js';
import type { FindingList, Span } from '../findings/finding.js';
import type { SourceText } from '../findings/source-text.js';
import { didYouMean } from '../findings/suggest.js';
import type { Condition, Group } from '../source/condition.js';
import type { Rule } from '../source/rule.js';
import type { SetLookup } from '../source/sets.js';

/** The sets that rules use, for conditions that are written elsewhere. */
export class KnownSets implements SetLookup {
  readonly #sets = new Map<string, Group>();
  readonly #findings: FindingList;

  constructor(rules: readonly Rule[], findings: FindingList) {
    this.#findings = findings;
    const seen = new Set<Condition>();
    const visit = (condition: Condition): void => {
      if (condition.kind === 'test' || seen.has(condition)) return;
      seen.add(condition);
      if (condition.set !== undefined) this.#sets.set(condition.set, condition);
      for (const part of condition.conditions) visit(part);
    };
    for (const { when } of rules) visit(when);
  }

  resolve(name: string, source: SourceText, span: Span): Condition | undefined {
    const set = this.#sets.get(name);
    if (set === undefined) this.#findings.report('POLICY_UNKNOWN_SET', source, span, `no rule of the policy uses a set ${quote(name)}`, didYouMean(name, this.#sets.keys()));
    return set;
  }
}
