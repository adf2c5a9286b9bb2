import { isSelectorKey, normaliseValues, unknown, valueProblem, type Catalogue, type Evidence, type Evidenced, type SelectorDefinition, type SelectorKey, type SelectorValue } from '@portcullis/core';
import { readDocument } from '../document/document.js';
import type { DocNode } from '../document/node.js';
import { quote } from '../findings/escape.js';
import { FindingList, type PolicyFinding } from '../findings/finding.js';
import type { SourceText, Sources } from '../findings/source-text.js';
import { didYouMean } from '../findings/suggest.js';

export interface ParsedEvidence {
  /** Undefined if any finding is an error. */
  readonly evidence?: Evidence;
  readonly findings: readonly PolicyFinding[];
  readonly sources: Sources;
}

/**
 * Reads an evidence file, YAML or JSON: a mapping of keys to a value, a list of values, or `null` for absent. A key not
 * mentioned is unknown, `not-mentioned`: the catalogue's keys are filled in so, and `Evidence.get` of any other key is
 * undefined unless the file names it. What is given has the tier that the catalogue promises for its key.
 */
export function parseEvidence(text: string | Uint8Array, catalogue: Catalogue, file = 'evidence'): ParsedEvidence {
  const document = readDocument(text, file);
  const sources = new Map<string, SourceText>([[file, document.source]]);
  const findings = new FindingList();
  for (const finding of document.findings) findings.add(finding);
  const evidence = document.root === undefined ? undefined : new EvidenceReader(catalogue, document.source, findings).read(document.root);
  if (evidence === undefined || !findings.isSound()) return { findings: findings.toArray(), sources };
  return { evidence, findings: findings.toArray(), sources };
}

/** Evidence in which whatever is not mentioned is unknown, also keys of families that nobody can enumerate. */
class MentionedEvidence extends Map<SelectorKey, Evidenced> {
  override get(key: SelectorKey): Evidenced {
    return super.get(key) ?? NOT_MENTIONED;
  }

  override has(key: SelectorKey): boolean {
    return isSelectorKey(key);
  }
}

const NOT_MENTIONED = Object.freeze(unknown('not-mentioned'));

class EvidenceReader {
  readonly #catalogue: Catalogue;
  readonly #source: SourceText;
  readonly #findings: FindingList;

  constructor(catalogue: Catalogue, source: SourceText, findings: FindingList) {
    this.#catalogue = catalogue;
    this.#source = source;
    this.#findings = findings;
  }

  read(root: DocNode): Evidence | undefined {
    if (root.kind !== 'map') {
      this.#findings.report('SCHEMA_TYPE', this.#source, { offset: root.offset, length: 1 }, 'evidence must be a mapping of keys to values');
      return undefined;
    }
    const evidence = new MentionedEvidence();
    for (const [key, entry] of root.entries) {
      const definition = isSelectorKey(key) ? this.#catalogue.find(key) : undefined;
      if (!isSelectorKey(key) || definition === undefined) {
        const known = this.#catalogue.definitions().map((one) => one.key);
        this.#findings.report('POLICY_UNKNOWN_KEY', this.#source, entry, `no attestor of this gate has a key ${quote(key)}`, didYouMean(key, known));
        continue;
      }
      const evidenced = this.#evidenced(key, entry.value, definition);
      if (evidenced !== undefined) evidence.set(key, evidenced);
    }
    return evidence;
  }

  #evidenced(key: SelectorKey, node: DocNode, definition: SelectorDefinition): Evidenced | undefined {
    const tier = definition.trust;
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
      const problem = valueProblem(definition.value, value);
      if (problem !== undefined || value === null || value === undefined) {
        this.#findings.report('POLICY_VALUE_TYPE', this.#source, item, `${quote(key)}: ${problem ?? 'expected a value'}`);
      } else values.push(value);
    }
    return values.length === items.length ? Object.freeze({ state: 'present', values: Object.freeze(normaliseValues(values)), tier }) : undefined;
  }
}
