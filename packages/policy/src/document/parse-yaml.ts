import { Composer, isAlias, isMap, isScalar, isSeq, type CST, type Document } from 'yaml';
import type { FindingList, Span } from '../findings/finding.js';
import { quote } from '../findings/escape.js';
import type { SourceText } from '../findings/source-text.js';
import type { DocumentLimits } from './limits.js';
import type { DocEntry, DocNode } from './node.js';
import type { Remark } from './remark.js';
import { readTokens } from './tokens.js';

/** At most this many syntax errors are reported of one document: the first ones tell. */
const MAX_SYNTAX_ERRORS = 5;

/** A document's tree, and the comments that speak to this program. */
export interface ParsedYaml {
  readonly root: DocNode;
  readonly remarks: readonly Remark[];
}

/** The tree of a YAML 1.2 document, or undefined when it has none. Every problem is a finding with a place. */
export function parseYaml(source: SourceText, limits: DocumentLimits, findings: FindingList): ParsedYaml | undefined {
  const read = readTokens(source, limits, findings);
  if (read === undefined || !checkDirectives(read.tokens, source, findings)) return undefined;
  const composer = new Composer({
    version: '1.2',
    schema: 'core',
    merge: false,
    strict: true,
    prettyErrors: false,
    resolveKnownTags: false,
    // The library compares every key with every other; `NodeReader` uses a Map.
    uniqueKeys: false,
  });
  const documents = [...composer.compose(read.tokens, true, source.text.length)];
  const [document, second] = documents;
  if (document === undefined) return undefined;
  if (second !== undefined) {
    findings.report('YAML_MULTIPLE', source, { offset: second.range[0], length: 3 }, 'a second document begins here');
    return undefined;
  }
  if (!checkSyntax(document, source, findings)) return undefined;
  if (document.contents === null || (isScalar(document.contents) && document.contents.value === null)) {
    findings.report('YAML_EMPTY', source, { offset: 0, length: 1 }, 'the document is empty');
    return undefined;
  }
  return { root: new NodeReader(source, limits, findings).read(document.contents), remarks: read.remarks };
}

function checkDirectives(tokens: readonly CST.Token[], source: SourceText, findings: FindingList): boolean {
  for (const token of tokens) {
    if (token.type !== 'directive') continue;
    const span = { offset: token.offset, length: token.source.length };
    if (/^%YAML[ \t]+1\.2$/.test(token.source)) continue;
    const code = token.source.startsWith('%TAG') ? 'YAML_TAG' : 'YAML_VERSION';
    findings.report(code, source, span, `the directive ${quote(token.source, 40)} is not allowed`);
    return false;
  }
  return true;
}

function checkSyntax(document: Document.Parsed, source: SourceText, findings: FindingList): boolean {
  for (const { pos, message } of document.errors.slice(0, MAX_SYNTAX_ERRORS)) {
    const [first = ''] = message.split('\n');
    findings.report('YAML_SYNTAX', source, { offset: pos[0], length: Math.min(40, pos[1] - pos[0]) }, `${first.charAt(0).toLowerCase()}${first.slice(1)}`);
  }
  return document.errors.length === 0;
}

/** Turns the library's nodes into ours, aliases resolved and counted. */
class NodeReader {
  readonly #source: SourceText;
  readonly #limits: DocumentLimits;
  readonly #findings: FindingList;
  /** What an anchor stands for, and how many nodes that is written out; undefined while it is still being read. */
  readonly #anchors = new Map<string, { readonly node: DocNode; readonly size: number } | undefined>();
  #aliases = 0;
  /** Nodes read, aliases written out. */
  #size = 0;
  #expanded = 0;
  #stopped = false;

  constructor(source: SourceText, limits: DocumentLimits, findings: FindingList) {
    this.#source = source;
    this.#limits = limits;
    this.#findings = findings;
  }

  read(node: unknown): DocNode {
    const before = this.#size++;
    if (isAlias(node)) return this.#alias(node.source, spanOf(node));
    const anchor = isScalar(node) || isMap(node) || isSeq(node) ? node.anchor : undefined;
    if (anchor !== undefined) this.#anchors.set(anchor, undefined);
    const read = this.#value(node);
    if (anchor !== undefined) this.#anchors.set(anchor, { node: read, size: this.#size - before });
    return read;
  }

  #value(node: unknown): DocNode {
    const span = spanOf(node);
    if (isMap(node)) {
      this.#tag(node, span);
      return { kind: 'map', entries: this.#entries(node.items), ...span };
    }
    if (isSeq(node)) {
      this.#tag(node, span);
      return { kind: 'list', items: node.items.map((item) => this.read(item)), ...span };
    }
    if (!isScalar(node)) return { kind: 'scalar', value: null, ...span };
    this.#tag(node, span);
    return { kind: 'scalar', value: this.#scalar(node.value, span), ...span };
  }

  #scalar(value: unknown, span: Span): string | number | boolean | null {
    if (typeof value === 'string') return this.#text(value, span);
    if (typeof value === 'number' && (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value)))) {
      const text = this.#source.text.slice(span.offset, span.offset + span.length);
      this.#findings.report('YAML_NUMBER', this.#source, span, `${quote(text, 40)} is not a number that can be held exactly`);
    }
    return typeof value === 'number' || typeof value === 'boolean' ? value : null;
  }

  #text(text: string, span: Span): string {
    const { maxText } = this.#limits;
    if (text.length <= maxText) return text;
    this.#findings.report('YAML_TOO_LARGE', this.#source, { offset: span.offset, length: 1 }, `a text of ${String(text.length)} characters, the limit is ${String(maxText)}`);
    return '';
  }

  #entries(pairs: readonly { readonly key: unknown; readonly value: unknown }[]): ReadonlyMap<string, DocEntry> {
    const entries = new Map<string, DocEntry>();
    for (const pair of pairs) {
      const span = spanOf(pair.key);
      const name = isScalar(pair.key) ? pair.key.value : undefined;
      if (!isScalar(pair.key) || (typeof name !== 'string' && typeof name !== 'number' && typeof name !== 'boolean')) {
        this.#findings.report('YAML_KEY', this.#source, span, 'a key must be text');
        continue;
      }
      if (pair.key.anchor !== undefined) this.#anchors.set(pair.key.anchor, { node: this.#value(pair.key), size: 1 });
      const key = typeof name === 'string' ? this.#text(name, span) : String(name);
      if (key === '<<') {
        this.#findings.report('YAML_MERGE_KEY', this.#source, span, 'merge keys are not part of the language');
      } else if (entries.has(key)) {
        this.#findings.report('YAML_DUPLICATE_KEY', this.#source, span, `the key ${quote(key)} is given twice`);
      }
      // A key without a value sits at the end of its key.
      const value = pair.value === null ? { kind: 'scalar' as const, value: null, offset: span.offset + span.length, length: 1 } : this.read(pair.value);
      if (!entries.has(key)) entries.set(key, { key, ...span, value });
    }
    return entries;
  }

  #alias(name: string, span: Span): DocNode {
    const nothing: DocNode = { kind: 'scalar', value: null, ...span };
    if (++this.#aliases > this.#limits.maxAliases) {
      this.#stop(span, `more than ${String(this.#limits.maxAliases)} aliases`);
      return nothing;
    }
    const target = this.#anchors.get(name);
    if (target === undefined) {
      const why = this.#anchors.has(name) ? 'is inside of what it stands for' : 'has no anchor above it';
      this.#findings.report('YAML_ALIAS', this.#source, span, `the alias ${quote(`*${name}`)} ${why}`);
      return nothing;
    }
    this.#size += target.size;
    this.#expanded += target.size;
    if (this.#expanded > this.#limits.maxAliasNodes) {
      this.#stop(span, `aliases stand for more than ${String(this.#limits.maxAliasNodes)} nodes`);
    }
    return this.#stopped ? nothing : target.node;
  }

  #stop(span: Span, message: string): void {
    if (!this.#stopped) this.#findings.report('YAML_ALIAS_LIMIT', this.#source, span, message);
    this.#stopped = true;
  }

  #tag(node: { readonly tag?: string | undefined }, span: Span): void {
    if (node.tag === undefined) return;
    this.#findings.report('YAML_TAG', this.#source, span, `the tag ${quote(node.tag, 60)} is not allowed`);
  }
}

function spanOf(node: unknown): Span {
  const range = isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range : undefined;
  return { offset: range?.[0] ?? 0, length: Math.max(1, (range?.[1] ?? 1) - (range?.[0] ?? 0)) };
}
