import { dirname, isAbsolute, join, resolve } from 'node:path';
import type { Catalogue } from '@portcullis/core';
import { readDocumentFile, spanAt, type YamlDocument } from '../document/document.js';
import { child, textOf } from '../document/node.js';
import { validateDocument, type SchemaValidator } from '../document/validate.js';
import { quote } from '../findings/escape.js';
import { FindingList, type PolicyFinding } from '../findings/finding.js';
import type { SourceText, Sources } from '../findings/source-text.js';
import { validate } from '../policy-test-validator.generated.js';
import { loadPolicy } from '../source/load.js';
import { parseMoment } from '../source/moment.js';
import { OPERATORS } from '../source/parse-matcher.js';
import { parseTest } from './parse-test.js';
import type { PolicyTest } from './policy-test.js';

export interface LoadTestOptions {
  readonly catalogue: Catalogue;
  /** As of `loadPolicy`: of the policy that it names. */
  readonly maxBytes?: number;
}

/** What loading a test gave. `test` is undefined if any finding is an error. */
export interface LoadedTest {
  readonly test?: PolicyTest;
  readonly findings: readonly PolicyFinding[];
  /** All that was read, the policy's files included and the links that led to them, and the folders to watch. */
  readonly files: readonly string[];
  readonly folders: readonly string[];
  readonly sources: Sources;
}

/** Reads a document of `kind: PolicyTest` and the policy that it names. Synchronous; never throws for what it reads. */
export function loadPolicyTest(path: string, { catalogue, maxBytes }: LoadTestOptions): LoadedTest {
  const document = readDocumentFile(path);
  const findings = new FindingList();
  const sources = new Map<string, SourceText>([[path, document.source]]);
  const files = [resolve(path)];
  const folders = new Set([dirname(resolve(path))]);
  const ended = (test?: PolicyTest): LoadedTest => {
    const rest = { findings: findings.toArray(), files, folders: [...folders], sources };
    return test !== undefined && findings.isSound() ? { test, ...rest } : rest;
  };
  for (const finding of [...document.findings, ...shapeOf(document)]) findings.add(finding);
  const named = textOf(document.root, 'policy');
  if (!findings.isSound() || document.root === undefined || named === undefined) return ended();
  const policyPath = isAbsolute(named) ? named : join(dirname(path), named);
  // A policy ages from the clock of its test, not from that of who runs it.
  const clockMs = parseMoment(textOf(document.root, 'clock') ?? '');
  const loaded = loadPolicy(policyPath, { catalogue, ...(maxBytes !== undefined && { maxBytes }), ...(clockMs !== undefined && { nowMs: clockMs }) });
  for (const [file, source] of loaded.sources) sources.set(file, source);
  files.push(...loaded.files, ...loaded.links.keys());
  for (const folder of loaded.folders) folders.add(folder);
  if (loaded.policy === undefined) {
    const at = child(document.root, 'policy') ?? document.root;
    findings.report('TEST_POLICY', document.source, at, `${quote(named)} is not a policy that can be tested`);
    for (const finding of loaded.findings) if (finding.severity === 'error') findings.add(finding);
    return ended();
  }
  return ended(parseTest(document, loaded.policy, catalogue, findings));
}

const VALIDATE_OPTIONS = { words: OPERATORS };

function shapeOf(document: YamlDocument): readonly PolicyFinding[] {
  const { root, source } = document;
  const kind = textOf(root, 'kind');
  if (root === undefined || kind === undefined || kind === 'PolicyTest') return validateDocument(document, validate as SchemaValidator, VALIDATE_OPTIONS);
  // Of a document of another kind, everything else would be wrong too.
  const findings = new FindingList();
  findings.report('SCHEMA_VALUE', source, spanAt(root, ['kind']), '`kind` must be `PolicyTest`', kind === 'AdmissionPolicy' ? 'name the policy in a test file, or check it with `portcullis check`' : undefined);
  return findings.toArray();
}
