import { dirname, join, relative } from 'node:path';
import type { Catalogue } from '@portcullis/core';
import { loadPolicy, loadPolicyTest, readDocumentFile, textOf, type PolicyFinding, type Sources, type SourceText, type YamlDocument } from '@portcullis/policy';
import type { GatewaySpec } from '../gateway/gateway-spec.js';
import { parseGateway } from '../gateway/parse-gateway.js';
import type { PolicyOfFiles } from './all-host-warnings.js';

/** What checking one file found, the files that it leads to included. */
export interface CheckedFile {
  readonly file: string;
  /** `AdmissionPolicy`, `Gateway`, `PolicyTest`, or what the file says it is. */
  readonly kind: string;
  readonly findings: readonly PolicyFinding[];
  readonly sources: Sources;
  /** What was compiled, where nothing was wrong. */
  readonly policies: readonly PolicyOfFiles[];
}

/** Checks a policy, a test, or a gateway file with the policies that it names. Never throws for what it reads. */
export function checkFile(file: string, catalogue: Catalogue, nowMs: number): CheckedFile {
  const document = readDocumentFile(file);
  const kind = textOf(document.root, 'kind') ?? 'AdmissionPolicy';
  if (kind === 'Gateway') return checkGateway(file, document, catalogue, nowMs);
  if (kind === 'PolicyTest') return checkTest(file, catalogue);
  const { policy, findings, sources, files } = loadPolicy(file, { catalogue, nowMs });
  return { file, kind, findings, sources, policies: policy === undefined ? [] : [{ policy, files }] };
}

function checkGateway(file: string, document: YamlDocument, catalogue: Catalogue, nowMs: number): CheckedFile {
  const { spec, findings } = parseGateway(document, catalogue);
  const all = [...findings];
  const sources = new Map<string, SourceText>([[file, document.source]]);
  const policies: PolicyOfFiles[] = [];
  const knownListeners = spec?.listeners.map(({ name }) => name) ?? [];
  for (const policy of new Set(spec?.listeners.map((listener) => listener.policy))) {
    // Named as somebody would who stands where the gateway file was named from.
    const shown = file.startsWith('/') ? policy : join(dirname(file), relative(dirname(file), policy));
    const loaded = loadPolicy(shown, { catalogue, nowMs, knownListeners });
    all.push(...loaded.findings);
    if (loaded.policy !== undefined) policies.push({ policy: loaded.policy, files: loaded.files, tcpListeners: tcpListenersOf(spec, policy) });
    for (const [name, source] of loaded.sources) sources.set(name, source);
  }
  return { file, kind: 'Gateway', findings: all, sources, policies };
}

function tcpListenersOf(spec: GatewaySpec | undefined, policy: string): readonly string[] {
  return (spec?.listeners ?? []).filter((one) => one.policy === policy && 'host' in one.listen).map(({ name }) => name);
}

/** The test itself, and whether its policy loads. It is not run: that is for `portcullis test`. */
function checkTest(file: string, catalogue: Catalogue): CheckedFile {
  const { findings, sources } = loadPolicyTest(file, { catalogue });
  return { file, kind: 'PolicyTest', findings, sources, policies: [] };
}
