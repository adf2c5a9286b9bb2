import { createHash } from 'node:crypto';
import { basename, dirname, extname, resolve } from 'node:path';
import { PortcullisError, type Catalogue } from '@portcullis/core';
import { checkPolicy } from '../check/check-policy.js';
import { compileRules } from '../compile/compile-rules.js';
import { encodeDocuments } from '../compiled/compiled-file.js';
import { isCompiledFile, readCompiledFile } from '../compiled/read-compiled.js';
import { CompiledPolicy } from '../decide/compiled-policy.js';
import { readDocument, spanAt, type YamlDocument } from '../document/document.js';
import { DEFAULT_LIMITS } from '../document/limits.js';
import { itemsOf, textOf, child } from '../document/node.js';
import { validateDocument } from '../document/validate.js';
import { FindingList, type PolicyFinding } from '../findings/finding.js';
import { formatFindings } from '../findings/format-finding.js';
import type { SourceText, Sources } from '../findings/source-text.js';
import { Suppressions, type SuppressedFinding } from '../findings/suppressions.js';
import { reviewPolicy, type ReviewOptions } from '../review/review-policy.js';
import { IncludeReader, realPath } from './include.js';
import { parsePolicy } from './parse-policy.js';
import { parseValidity } from './validity.js';
import { validatePolicy, VALIDATE_OPTIONS } from './schema.js';

export interface CompileOptions {
  /** The keys of the attestors that the policy will meet. */
  readonly catalogue: Catalogue;
  /** Bytes of one file at most; 32 MiB by default, and four times that of a compiled one. */
  readonly maxBytes?: number;
  /** The listeners of the gate: a rule for any other is an error. Undefined: not checked. */
  readonly knownListeners?: Iterable<string>;
  /** When it is loaded, milliseconds since the epoch: rules that have expired by then are warned of, which undefined leaves out, and `maxAge` counts from then, or from now. */
  readonly nowMs?: number;
  /** Also looks for what is not wrong but probably not meant: rules that cover or contradict each other, thin trust. Slower. */
  readonly review?: ReviewOptions;
}

export interface LoadOptions extends CompileOptions {
  /** Lets `include` leave the policy's folder. */
  readonly allowOutsideIncludes?: boolean;
  /** Files of one policy at most; 256 by default. */
  readonly maxFiles?: number;
}

/** What loading gave. `policy` is undefined if any finding is an error. */
export interface LoadedPolicy {
  readonly policy?: CompiledPolicy;
  readonly findings: readonly PolicyFinding[];
  /** Warnings that the policy itself says are meant. */
  readonly suppressed: readonly SuppressedFinding[];
  /** For warnings that are found later, of the host. */
  readonly suppressions: Suppressions;
  /** The real paths of everything that was read, to be watched. */
  readonly files: readonly string[];
  /** Paths as they were named, absolute, that led through links, each with the real path that it led to: to be watched too, since they may lead elsewhere. */
  readonly links: ReadonlyMap<string, string>;
  /** The folders to watch: a watch on a file goes blind when another is renamed over it, and patterns match new files. */
  readonly folders: readonly string[];
  /** For code frames. */
  readonly sources: Sources;
}

/**
 * Reads, checks and compiles a policy file and all it includes, or one that was compiled before. Synchronous; never throws
 * for what it reads.
 */
export function loadPolicy(path: string, options: LoadOptions): LoadedPolicy {
  return Object.freeze(loadDocuments(path, options).loaded);
}

/** A policy and all it includes in one file, which loads without reading YAML. */
export interface PolicyBundle extends LoadedPolicy {
  /** Undefined if any finding is an error. */
  readonly bytes?: Uint8Array;
}

/** Makes what `loadPolicy` reads faster than YAML, of a policy that it would load. */
export function bundlePolicy(path: string, options: LoadOptions): PolicyBundle {
  const { loaded, documents } = loadDocuments(path, options);
  return Object.freeze(loaded.policy === undefined ? loaded : { ...loaded, bytes: encodeDocuments(documents, path) });
}

/** What `loadPolicy` gives, and the documents that it was made from. */
export function loadDocuments(path: string, options: LoadOptions): { readonly loaded: LoadedPolicy; readonly documents: readonly YamlDocument[] } {
  const findings = new FindingList();
  const { documents, files, links, folders, sources } = isCompiledFile(path) ? readCompiled(path, options, findings) : readFiles(path, options, findings);
  const compiled = compileDocuments(documents, findings, options);
  return { loaded: { ...compiled, files: Object.freeze(files), links, folders: Object.freeze([...folders]), sources }, documents };
}

/** Documents, and where they came from. */
type Read = Pick<IncludeReader, 'documents' | 'files' | 'links' | 'folders' | 'sources'>;

function readFiles(path: string, options: LoadOptions, findings: FindingList): Read {
  const includes = { maxBytes: options.maxBytes, maxFiles: options.maxFiles ?? 256, allowOutside: options.allowOutsideIncludes === true };
  const reader = new IncludeReader(path, includes, findings);
  reader.read(path, path);
  return reader;
}

function readCompiled(path: string, options: LoadOptions, findings: FindingList): Read {
  const documents = [...readCompiledFile(path, options.maxBytes ?? DEFAULT_LIMITS.maxBytes, findings)];
  for (const document of documents) {
    for (const finding of validateDocument(document, validatePolicy, VALIDATE_OPTIONS)) findings.add(finding);
  }
  const named = resolve(path);
  const file = realPath(named);
  const links = new Map(named === file ? [] : [[named, file]]);
  return { documents, files: [file], links, folders: new Set([dirname(file), dirname(named)]), sources: new Map(documents.map(({ source }) => [source.file, source])) };
}

/** Checks and compiles a policy in memory. It cannot include anything. */
export function compilePolicyText(text: string | Uint8Array, options: CompileOptions & { readonly file?: string }): LoadedPolicy {
  const file = options.file ?? 'policy.yaml';
  const findings = new FindingList();
  const document = readDocument(text, file, options.maxBytes === undefined ? {} : { maxBytes: options.maxBytes });
  for (const finding of [...document.findings, ...validateDocument(document, validatePolicy, VALIDATE_OPTIONS)]) findings.add(finding);
  const [include] = itemsOf(document.root, 'include');
  if (include !== undefined) findings.report('POLICY_INCLUDE_MISSING', document.source, include, 'a policy in memory cannot include files');
  const sources = new Map<string, SourceText>([[file, document.source]]);
  return Object.freeze({ ...compileDocuments([document], findings, options), files: Object.freeze([]), links: new Map(), folders: Object.freeze([]), sources });
}

/** The policy, or an error that says all that is wrong with it. @throws PortcullisError `POLICY_INVALID` */
export function requirePolicy(loaded: LoadedPolicy): CompiledPolicy {
  if (loaded.policy !== undefined) return loaded.policy;
  const errors = loaded.findings.filter(({ severity }) => severity === 'error');
  const [first] = errors;
  throw new PortcullisError('POLICY_INVALID', `the policy has ${errors.length === 1 ? 'an error' : `${String(errors.length)} errors`}:\n${formatFindings(errors, loaded.sources)}`, {
    facts: { errors: errors.length, finding: first?.code, file: first?.place.file, line: first?.place.line, column: first?.place.column },
  });
}

type Compiled = Pick<LoadedPolicy, 'policy' | 'findings' | 'suppressed' | 'suppressions'>;

function compileDocuments(documents: readonly YamlDocument[], findings: FindingList, options: CompileOptions): Compiled {
  const suppressions = new Suppressions();
  for (const document of documents) suppressions.read(document, findings);
  const policy = findings.isSound() ? compileSound(documents, findings, options) : undefined;
  const sifted = suppressions.sift(findings.toArray());
  if (policy === undefined || !findings.isSound()) return { ...sifted, suppressions };
  const unused = new FindingList();
  // Without a review, and beyond the cap on findings, nobody knows what else there would have been.
  if (options.review !== undefined && !findings.isFull) suppressions.reportUnused(unused, (code) => !code.startsWith('HOST_'));
  return { policy, ...sifted, findings: Object.freeze([...sifted.findings, ...unused.toArray()]), suppressions };
}

function compileSound(documents: readonly YamlDocument[], findings: FindingList, options: CompileOptions): CompiledPolicy | undefined {
  const knownListeners = options.knownListeners === undefined ? undefined : new Set(options.knownListeners);
  const rules = parsePolicy(documents, { catalogue: options.catalogue, knownListeners, findings });
  const expiresMs = parseValidity(documents, options.nowMs ?? Date.now(), findings, options.nowMs === undefined ? undefined : options.review?.expiresWithinMs);
  if (!findings.isSound()) return undefined;
  const compiled = compileRules(rules);
  checkPolicy(compiled, findings, options.nowMs);
  if (options.review !== undefined) reviewPolicy(compiled, findings, options.nowMs, options.review);
  const [main] = documents;
  if (rules.length === 0 && main?.root !== undefined) {
    findings.report('POLICY_NO_RULES', main.source, spanAt(main.root, ['rules'], 'key'), 'the policy has no rules');
  }
  return new CompiledPolicy({ ...identify(documents), expiresMs }, compiled);
}

/** What a policy is called, and a digest of all its text. */
function identify(documents: readonly YamlDocument[]): { readonly name: string; readonly revision: string } {
  const [main] = documents;
  const hash = createHash('sha256');
  // Lengths first, so that no text can be moved from one file to the next unseen.
  for (const { source } of documents) hash.update(`${String(Buffer.byteLength(source.text))}\n`).update(source.text);
  const digest = hash.digest('hex').slice(0, 16);
  const metadata = child(main?.root, 'metadata');
  const revision = textOf(metadata, 'revision');
  const file = main?.file ?? 'policy';
  return { name: textOf(metadata, 'name') ?? basename(file, extname(file)), revision: revision === undefined ? digest : `${revision}@${digest}` };
}
