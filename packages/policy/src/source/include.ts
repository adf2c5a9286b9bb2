import { existsSync, realpathSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { globSync } from 'tinyglobby';
import { readDocumentFile, type YamlDocument } from '../document/document.js';
import { itemsOf, type DocNode } from '../document/node.js';
import { validateDocument } from '../document/validate.js';
import { quote } from '../findings/escape.js';
import type { FindingList } from '../findings/finding.js';
import type { SourceText } from '../findings/source-text.js';
import { validatePolicy, VALIDATE_OPTIONS } from './schema.js';

export interface IncludeOptions {
  readonly maxBytes: number | undefined;
  readonly maxFiles: number;
  /** Whether files outside of the policy's folder may be included. */
  readonly allowOutside: boolean;
}

const PATTERN = /[*?[\]{}!()]/;

/** Reads a policy file and all it includes: each file once, symbolic links resolved, in a stable order. */
export class IncludeReader {
  readonly #options: IncludeOptions;
  readonly #findings: FindingList;
  readonly #root: string;
  readonly #open: string[] = [];
  readonly #read = new Set<string>();
  readonly documents: YamlDocument[] = [];
  readonly sources = new Map<string, SourceText>();
  /** Real paths of everything that was read or tried. */
  readonly files: string[] = [];
  /** Paths as they were named, of those that lead through links, each with the real path that it led to. */
  readonly links = new Map<string, string>();
  /** Folders whose change may change what is included. */
  readonly folders = new Set<string>();

  constructor(path: string, options: IncludeOptions, findings: FindingList) {
    this.#options = options;
    this.#findings = findings;
    this.#root = dirname(this.#follow(path));
  }

  /** @param shownAs how findings name the file */
  read(path: string, shownAs: string): void {
    const real = realPath(path);
    this.#read.add(real);
    this.files.push(real);
    this.folders.add(dirname(real)).add(dirname(resolve(path)));
    const { maxBytes } = this.#options;
    const document = readDocumentFile(path, maxBytes === undefined ? {} : { maxBytes }, shownAs);
    this.sources.set(shownAs, document.source);
    for (const finding of [...document.findings, ...validateDocument(document, validatePolicy, VALIDATE_OPTIONS)]) this.#findings.add(finding);
    this.documents.push(document);
    this.#open.push(real);
    for (const item of itemsOf(document.root, 'include')) {
      if (item.kind === 'scalar' && typeof item.value === 'string') this.#include(item.value, item, path, shownAs, document.source);
    }
    this.#open.pop();
  }

  #include(pattern: string, node: DocNode, from: string, shownFrom: string, source: SourceText): void {
    const folder = dirname(from);
    for (const path of this.#expand(pattern, folder, node, source)) {
      const real = this.#follow(path);
      const shown = isAbsolute(pattern) ? path : join(dirname(shownFrom), relative(folder, path));
      if (!this.#options.allowOutside && !isInside(real, this.#root)) {
        this.#findings.report('POLICY_INCLUDE_OUTSIDE', source, node, `${quote(shown)} lies outside of the policy's folder`);
      } else if (this.#open.includes(real)) {
        this.#findings.report('POLICY_INCLUDE_CYCLE', source, node, `${quote(shown)} includes itself`);
      } else if (this.#read.has(real)) {
        this.#findings.report('POLICY_INCLUDE_DUPLICATE', source, node, `${quote(shown)} is included already`);
      } else if (this.#read.size >= this.#options.maxFiles) {
        this.#findings.report('POLICY_INCLUDE_LIMIT', source, node, `more than ${String(this.#options.maxFiles)} files`);
        return;
      } else {
        this.read(path, shown);
      }
    }
  }

  /** The real path of one that was named. */
  #follow(path: string): string {
    const named = resolve(path);
    const real = realPath(named);
    if (named !== real) this.links.set(named, real);
    return real;
  }

  #expand(pattern: string, folder: string, node: DocNode, source: SourceText): readonly string[] {
    if (!PATTERN.test(pattern)) {
      const path = resolve(folder, pattern);
      if (existsSync(path)) return [path];
      this.folders.add(dirname(path));
      this.files.push(path); // a link may lead there
      this.#findings.report('POLICY_INCLUDE_MISSING', source, node, `${quote(pattern)} does not exist`);
      return [];
    }
    const base = resolve(folder, pattern.slice(0, pattern.search(PATTERN)).replace(/[^/]*$/, ''));
    this.folders.add(base);
    if (!this.#options.allowOutside && !isInside(realPath(base), this.#root)) {
      // Before anything is listed: a pattern must not walk the whole disk.
      this.#findings.report('POLICY_INCLUDE_OUTSIDE', source, node, `${quote(pattern)} lies outside of the policy's folder`);
      return [];
    }
    const options = { cwd: folder, absolute: true, followSymbolicLinks: false, expandDirectories: false, dot: false };
    const found = globSync(pattern, { ...options, onlyFiles: true });
    // Also those that hold no file yet.
    if (PATTERN.test(dirname(pattern))) for (const path of globSync(dirname(pattern), { ...options, onlyDirectories: true })) this.folders.add(resolve(path));
    if (found.length === 0) this.#findings.report('POLICY_INCLUDE_EMPTY', source, node, `${quote(pattern)} matches no file`);
    return found.map((path) => resolve(path)).sort();
  }
}

/** Symbolic links resolved; the path itself where there is nothing to resolve. */
export function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}

function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}
