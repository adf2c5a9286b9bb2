import { dirname, join, relative } from 'node:path';
import type { Catalogue } from '@portcullis/core';
import { loadPolicy, loadPolicyTest, textOf, type PolicyFinding, type ReviewOptions, type Sources, type SourceText, type SuppressedFinding, type YamlDocument } from '@portcullis/policy';
import type { GatewaySpec } from '../gateway/gateway-spec.js';
import { parseGateway } from '../gateway/parse-gateway.js';
import { limitsOf } from '../limits.js';
import type { PolicyInPlace } from './all-host-warnings.js';

/** What checking one file found, the files that it leads to included. */
export interface CheckedFile {
  readonly file: string;
  /** `AdmissionPolicy`, `Gateway`, `PolicyTest`, or what the file says it is. */
  readonly kind: string;
  readonly findings: readonly PolicyFinding[];
  /** Warnings that the files say are meant. */
  readonly suppressed: readonly SuppressedFinding[];
  readonly sources: Sources;
  /** What was compiled, where nothing was wrong. */
  readonly policies: readonly PolicyInPlace[];
}

export interface CheckSettings {
  readonly catalogue: Catalogue;
  readonly nowMs: number;
  readonly review: ReviewOptions;
  /** Of one file. */
  readonly maxBytes?: number;
}

/**
 * Checks a policy, a test, or a gateway file with the policies that it names. Never throws for what it reads.
 * @param document as the file was read, which tells what it is
 */
export function checkFile(file: string, document: YamlDocument, settings: CheckSettings): CheckedFile {
  const kind = textOf(document.root, 'kind') ?? 'AdmissionPolicy';
  if (kind === 'Gateway') return checkGateway(file, document, settings);
  if (kind === 'PolicyTest') return checkTest(file, settings);
  const loaded = loadPolicy(file, settings);
  const { policy, findings, suppressed, sources } = loaded;
  return { file, kind, findings, suppressed, sources, policies: policy === undefined ? [] : [{ loaded }] };
}

function checkGateway(file: string, document: YamlDocument, settings: CheckSettings): CheckedFile {
  const { spec, findings } = parseGateway(document, settings.catalogue);
  const all = [...findings];
  const suppressed: SuppressedFinding[] = [];
  const sources = new Map<string, SourceText>([[file, document.source]]);
  const policies: PolicyInPlace[] = [];
  const knownListeners = spec?.listeners.map(({ name }) => name) ?? [];
  // Named as somebody would who stands where the gateway file was named from.
  const asShown = (path: string): string => (file.startsWith('/') ? path : join(dirname(file), relative(dirname(file), path)));
  const limits = limitsOf({ maxBytes: spec?.maxPolicyBytes });
  for (const policy of new Set(spec?.listeners.flatMap(({ policy, candidate }) => (candidate === undefined ? [policy] : [policy, candidate])))) {
    const loaded = loadPolicy(asShown(policy), { ...limits, ...settings, knownListeners });
    all.push(...loaded.findings);
    suppressed.push(...loaded.suppressed);
    if (loaded.policy !== undefined) policies.push({ loaded, tcpListeners: tcpListenersOf(spec, policy) });
    for (const [name, source] of loaded.sources) sources.set(name, source);
  }
  for (const test of new Set(spec?.listeners.flatMap(({ tests = [] }) => tests))) {
    const loaded = loadPolicyTest(asShown(test), { ...limits, ...settings });
    all.push(...loaded.findings);
    for (const [name, source] of loaded.sources) sources.set(name, source);
  }
  return { file, kind: 'Gateway', findings: eachOnce(all), suppressed, sources, policies };
}

/** What is wrong with a policy is found by its tests again. */
function eachOnce(findings: readonly PolicyFinding[]): readonly PolicyFinding[] {
  return [...new Map(findings.map((one) => [JSON.stringify([one.place, one.code, one.message]), one])).values()];
}

function tcpListenersOf(spec: GatewaySpec | undefined, policy: string): readonly string[] {
  return (spec?.listeners ?? []).filter((one) => one.policy === policy && 'host' in one.listen).map(({ name }) => name);
}

/** The test itself, and whether its policy loads. It is not run: that is for `portcullis test`. */
function checkTest(file: string, settings: CheckSettings): CheckedFile {
  const { findings, sources } = loadPolicyTest(file, settings);
  return { file, kind: 'PolicyTest', findings, suppressed: [], sources, policies: [] };
}
