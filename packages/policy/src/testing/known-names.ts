import type { Json } from '@portcullis/core';
import type { DocNode } from '../document/node.js';
import { quote } from '../findings/escape.js';
import type { FindingList } from '../findings/finding.js';
import type { SourceText } from '../findings/source-text.js';
import { didYouMean } from '../findings/suggest.js';
import type { Rule } from '../source/rule.js';

/**
 * The names that rules give to listeners and in grants. A test may use others: a listener that no rule is bound to, a name that shall
 * never be granted. One that is spelled nearly like one of these would test nothing, and hold.
 */
export class KnownNames {
  readonly #source: SourceText;
  readonly #findings: FindingList;
  readonly #listeners: ReadonlySet<string>;
  /** Every name that is granted, with the texts that it is granted as. */
  readonly #grants = new Map<string, Set<string>>();

  constructor(rules: readonly Rule[], source: SourceText, findings: FindingList) {
    this.#source = source;
    this.#findings = findings;
    this.#listeners = new Set(rules.flatMap(({ listeners }) => [...(listeners ?? [])]));
    for (const { grant } of rules) for (const [name, value] of Object.entries(grant)) this.#know(name, value);
  }

  listener(node: DocNode): string {
    const name = node.kind === 'scalar' ? String(node.value) : '';
    const meant = this.#listeners.has(name) ? undefined : didYouMean(name, this.#listeners);
    if (meant !== undefined) this.#findings.report('TEST_UNKNOWN_LISTENER', this.#source, node, `no rule is bound to a listener ${quote(name)}`, meant);
    return name;
  }

  grant(node: DocNode): void {
    if (node.kind !== 'map') return;
    for (const { key, value, ...span } of node.entries.values()) {
      const values = this.#grants.get(key);
      const text = value.kind === 'scalar' && typeof value.value === 'string' ? value.value : undefined;
      const meant = values === undefined ? didYouMean(key, this.#grants.keys()) : text === undefined || values.has(text) ? undefined : didYouMean(text, values);
      if (meant === undefined) continue;
      const what = values === undefined ? quote(key) : quote(`${key}: ${text ?? ''}`);
      this.#findings.report('TEST_UNKNOWN_GRANT', this.#source, values === undefined ? span : value, `no rule grants ${what}`, meant);
    }
  }

  #know(name: string, value: Json): void {
    const values = this.#grants.get(name) ?? new Set();
    if (typeof value === 'string') values.add(value);
    this.#grants.set(name, values);
  }
}
