import { isSelectorKey, isTrustTier, normaliseValues, TRUST_TIERS, trustSuffices, unknown, valueProblem, type Catalogue, type Evidenced, type SelectorDefinition, type SelectorKey, type SelectorValue } from '@portcullis/core';
import type { DocEntry, DocNode } from '../document/node.js';
import { octalProblem } from '../document/octal.js';
import { quote } from '../findings/escape.js';
import type { FindingList, Span } from '../findings/finding.js';
import type { SourceText } from '../findings/source-text.js';
import { suggestKey } from '../findings/suggest-key.js';

/** Evidence in which whatever is not mentioned is unknown, also keys of families that nobody can enumerate. */
export class MentionedEvidence extends Map<SelectorKey, Evidenced> {
  override get(key: SelectorKey): Evidenced {
    return super.get(key) ?? NOT_MENTIONED;
  }

  override has(key: SelectorKey): boolean {
    return isSelectorKey(key);
  }
}

const NOT_MENTIONED = Object.freeze(unknown('not-mentioned'));

/** Reads what somebody wrote down of a peer: a value, a list of values, or `null` for absent. */
export class EvidenceReader {
  readonly #catalogue: Catalogue;
  readonly #source: SourceText;
  readonly #findings: FindingList;

  constructor(catalogue: Catalogue, source: SourceText, findings: FindingList) {
    this.#catalogue = catalogue;
    this.#source = source;
    this.#findings = findings;
  }

  /** The states of keys as they are written. What cannot be read is a finding, and is not in the answer. */
  read(entries: Iterable<DocEntry>): MentionedEvidence {
    const evidence = new MentionedEvidence();
    for (const entry of entries) {
      const definition = this.define(entry.key, entry);
      const evidenced = definition === undefined ? undefined : this.#evidenced(definition, entry.value);
      if (definition !== undefined && evidenced !== undefined) evidence.set(definition.key, evidenced);
    }
    return evidence;
  }

  /** `tiers`: keys that were seen with less trust than their catalogue promises. */
  weaken({ value, ...span }: DocEntry, evidence: MentionedEvidence): void {
    if (value.kind !== 'map') {
      this.#findings.report('SCHEMA_TYPE', this.#source, span, '`tiers` must be a mapping of keys to trust tiers');
      return;
    }
    for (const entry of value.entries.values()) this.#weakenOne(entry, evidence);
  }

  #weakenOne({ key: text, value, ...span }: DocEntry, evidence: MentionedEvidence): void {
    const definition = this.define(text, span);
    if (definition === undefined) return;
    const tier = value.kind === 'scalar' ? value.value : undefined;
    const seen = evidence.get(definition.key);
    if (typeof tier !== 'string' || !isTrustTier(tier)) {
      this.#findings.report('TEST_TIER', this.#source, value, `a trust tier is one of ${TRUST_TIERS.join(', ')}`);
    } else if (seen.state === 'unknown') {
      this.#findings.report('TEST_TIER', this.#source, span, `${quote(text)} is unknown here, and has no tier`);
    } else if (!trustSuffices(definition.trust, tier)) {
      this.#findings.report('TEST_TIER', this.#source, value, `${quote(text)} is ${definition.trust} at best, never ${tier}`);
    } else evidence.set(definition.key, Object.freeze({ ...seen, tier }));
  }

  /** The definition of a key, of a family's member too, under its own name; a finding where there is none. */
  define(key: string, span: Span): SelectorDefinition | undefined {
    const definition = isSelectorKey(key) ? this.#catalogue.find(key) : undefined;
    if (isSelectorKey(key) && definition !== undefined) return definition.key === key ? definition : { ...definition, key };
    this.#findings.report('POLICY_UNKNOWN_KEY', this.#source, span, `no attestor of this gate has a key ${quote(key)}`, suggestKey(key, this.#catalogue));
    return undefined;
  }

  #evidenced(definition: SelectorDefinition, node: DocNode): Evidenced | undefined {
    const { key, trust: tier } = definition;
    if (node.kind === 'scalar' && node.value === null) return Object.freeze({ state: 'absent', tier });
    const items = node.kind === 'list' ? node.items : [node];
    if (items.length === 0) {
      this.#findings.report('SCHEMA_EMPTY', this.#source, node, `${quote(key)} has no value`, 'write `null` for absent');
      return undefined;
    }
    if (items.length > 1 && !definition.many) {
      this.#findings.report('POLICY_VALUE_TYPE', this.#source, node, `${quote(key)} has one value, not ${String(items.length)}`);
      return undefined;
    }
    const values: SelectorValue[] = [];
    for (const item of items) {
      const value = item.kind === 'scalar' ? item.value : undefined;
      const octal = octalProblem(this.#source, item);
      if (octal !== undefined) this.#findings.report('YAML_NUMBER', this.#source, item, octal);
      const problem = valueProblem(definition.value, value);
      if (problem !== undefined || value === null || value === undefined) {
        this.#findings.report('POLICY_VALUE_TYPE', this.#source, item, `${quote(key)}: ${problem ?? 'expected a value'}`);
      } else values.push(value);
    }
    return values.length === items.length ? Object.freeze({ state: 'present', values: Object.freeze(normaliseValues(values)), tier }) : undefined;
  }
}
