import type { Catalogue, Evidence } from '@portcullis/core';
import { readDocument, type YamlDocument } from '../document/document.js';
import { FindingList, type PolicyFinding } from '../findings/finding.js';
import type { SourceText, Sources } from '../findings/source-text.js';
import { EvidenceReader } from './evidence-reader.js';

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
  const evidence = readEvidence(document, catalogue, findings);
  if (evidence === undefined || !findings.isSound()) return { findings: findings.toArray(), sources };
  return { evidence, findings: findings.toArray(), sources };
}

function readEvidence({ root, source }: YamlDocument, catalogue: Catalogue, findings: FindingList): Evidence | undefined {
  if (root?.kind === 'map') {
    const reader = new EvidenceReader(catalogue, source, findings);
    const evidence = reader.read([...root.entries.values()].filter(({ key }) => key !== 'tiers'));
    const tiers = root.entries.get('tiers');
    if (tiers !== undefined) reader.weaken(tiers, evidence);
    return evidence;
  }
  if (root !== undefined) findings.report('SCHEMA_TYPE', source, { offset: root.offset, length: 1 }, 'evidence must be a mapping of keys to values');
  return undefined;
}
