import type { Catalogue } from '@portcullis/core';
import { child, itemsOf, textOf, type DocEntry, type DocNode } from '../document/node.js';
import type { CompiledPolicy } from '../decide/compiled-policy.js';
import type { FindingList } from '../findings/finding.js';
import type { SourceText } from '../findings/source-text.js';
import { ConditionParser } from '../source/parse-condition.js';
import { grantOf } from '../source/parse-rule.js';
import type { KnownNames } from './known-names.js';
import { KnownSets } from './known-sets.js';
import type { Property } from './policy-test.js';

/** How much of a claim becomes the name of a property that has none. */
const MAX_NAME = 120;

/** Reads properties. Their conditions are those of rules, and may use the sets of the policy. */
export class PropertyReader {
  readonly #source: SourceText;
  readonly #findings: FindingList;
  readonly #conditions: ConditionParser;
  readonly #names: KnownNames;

  constructor(source: SourceText, policy: CompiledPolicy, catalogue: Catalogue, names: KnownNames, findings: FindingList) {
    this.#source = source;
    this.#names = names;
    this.#findings = findings;
    this.#conditions = new ConditionParser(source, catalogue, new KnownSets(policy.rules, findings), findings);
  }

  read(nodes: readonly DocNode[]): readonly Property[] {
    return nodes.map((node) => this.#property(node)).filter((one) => one !== undefined);
  }

  #property(node: DocNode): Property | undefined {
    if (node.kind !== 'map') return undefined;
    const never = node.entries.get('never');
    const always = node.entries.get('always');
    const claim = never ?? always;
    if (claim === undefined || (never !== undefined && always !== undefined)) {
      this.#findings.report('TEST_PROPERTY', this.#source, always ?? { offset: node.offset, length: 1 }, claim === undefined ? 'a property needs `never` or `always`' : 'a property has either `never` or `always`');
      return undefined;
    }
    return this.#claim(textOf(node, 'name'), claim);
  }

  #claim(name: string | undefined, claim: DocEntry): Property | undefined {
    const { value } = claim;
    const whereNode = child(value, 'where');
    const where = whereNode === undefined ? undefined : this.#conditions.parse(whereNode);
    if (whereNode !== undefined && where === undefined) return undefined;
    const grant = child(value, 'grant');
    const decision = textOf(value, 'decision') === 'deny' ? 'deny' : 'allow';
    if (grant !== undefined && decision === 'deny') this.#findings.report('TEST_PROPERTY', this.#source, grant, 'a refusal grants nothing: `grant` needs `decision: allow`');
    else if (grant !== undefined) this.#names.grant(grant);
    return Object.freeze({
      name: name ?? this.#spell(claim),
      kind: claim.key === 'never' ? 'never' : 'always',
      decision,
      grant: grant === undefined ? undefined : grantOf(grant),
      where,
      listeners: child(value, 'listeners') === undefined ? undefined : itemsOf(value, 'listeners').map((item) => this.#names.listener(item)),
      source: this.#source,
      span: { offset: claim.offset, length: claim.length },
    });
  }

  /** As it is written, on one line. */
  #spell({ key, value }: DocEntry): string {
    const text = this.#source.text.slice(value.offset, value.offset + value.length).replace(/\s+/g, ' ').trim();
    return `${key} ${text.length > MAX_NAME ? `${text.slice(0, MAX_NAME)}…` : text}`;
  }
}
