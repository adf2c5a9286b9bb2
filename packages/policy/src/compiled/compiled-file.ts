import { createHash } from 'node:crypto';
import { dirname, isAbsolute, relative } from 'node:path';
import type { YamlDocument } from '../document/document.js';
import { DEFAULT_LIMITS } from '../document/limits.js';
import { toPlain } from '../document/node.js';
import { remarkOf } from '../document/remark.js';
import { SourceText } from '../findings/source-text.js';
import { ByteReader, Malformed } from './byte-reader.js';
import { ByteWriter } from './byte-writer.js';
import { TreeReader, TreeWriter, WordTable } from './tree-codec.js';

/** Changes with the form, so that no version misreads another's. */
const FORMAT = 1;
/** The first line. No YAML begins like this: a NUL is refused in any. */
const MAGIC = Buffer.from('\0portcullis compiled policy\n');
const MOST_INDEX_BYTES = 1 << 22;

interface IndexedDocument {
  readonly file: string;
  /** Bytes of its text and of its tree. */
  readonly text: number;
  readonly tree: number;
  /** Offset and length of each comment that speaks to this program. */
  readonly remarks: readonly (readonly [number, number])[];
}

/** Whether bytes begin as a compiled policy does. */
export function isCompiled(bytes: Uint8Array): boolean {
  return bytes.length >= MAGIC.length && MAGIC.equals(bytes.subarray(0, MAGIC.length));
}

/**
 * The documents of a policy with their YAML read already, as bytes: equal documents give equal bytes. What is in them is
 * checked when they are loaded as if it had come from YAML, against the catalogue of whoever loads them.
 * @param path of the policy: files are named relative to its folder
 */
export function encodeDocuments(documents: readonly YamlDocument[], path: string): Uint8Array {
  const words = new WordTable();
  const parts: Uint8Array[] = [];
  const indexed: IndexedDocument[] = [];
  for (const { file, source, root, remarks } of documents) {
    if (root === undefined) throw new TypeError('a document with errors cannot be compiled');
    const out = new ByteWriter();
    new TreeWriter(out, words).write(root);
    const text = Buffer.from(source.text);
    const tree = out.bytes();
    parts.push(text, tree);
    indexed.push({ file: relativeTo(dirname(path), file), text: text.length, tree: tree.length, remarks: remarks.map(({ offset, length }) => [offset, length] as const) });
  }
  const table = Buffer.from(JSON.stringify(words.words));
  const index = Buffer.from(`${JSON.stringify({ words: table.length, documents: indexed })}\n`);
  const body = Buffer.concat([index, table, ...parts]);
  const header = `${JSON.stringify({ format: FORMAT, sha256: digestOf(body) })}\n`;
  return Buffer.concat([MAGIC, Buffer.from(header), body]);
}

/** @throws Malformed, with `isVersion` where another version wrote it */
export function decodeDocuments(bytes: Uint8Array): readonly YamlDocument[] {
  const { line: header, rest: body } = lineOf(bytes.subarray(MAGIC.length), 1024);
  const { format, sha256 } = recordOf(header);
  if (format !== FORMAT) throw new OtherVersion(`it is of format ${String(format)}, and this version reads format ${String(FORMAT)}`);
  if (sha256 !== digestOf(body)) throw new Malformed('it is not what was written: its digest differs');
  const { line, rest } = lineOf(body, MOST_INDEX_BYTES);
  const index = recordOf(line);
  const sections = new Sections(rest);
  const words: unknown = parse(sections.text(index['words']));
  if (!isList(words) || !words.every((word): word is string => typeof word === 'string')) throw new Malformed('its words are none');
  const { documents } = index;
  if (!isList(documents) || documents.length === 0) throw new Malformed('it has no documents');
  const read = documents.map((one) => documentOf(one, words, sections));
  sections.end();
  return read;
}

/** Another version wrote it: it may be sound all the same. */
export class OtherVersion extends Malformed {}

function documentOf(indexed: unknown, words: readonly string[], sections: Sections): YamlDocument {
  const { file, text, tree, remarks } = recordOf(indexed);
  if (typeof file !== 'string' || file === '' || !isList(remarks)) throw new Malformed('a document has no name');
  const source = new SourceText(file, sections.text(text));
  const bytes = sections.bytes(tree);
  const reader = new ByteReader(bytes);
  const { maxDepth, maxAliasNodes } = DEFAULT_LIMITS;
  const root = new TreeReader(reader, words, { maxDepth: maxDepth + 1, maxNodes: bytes.length + maxAliasNodes, textLength: source.text.length }).read();
  reader.end();
  const said = remarks.map((pair) => {
    const [offset, length] = isList(pair) ? pair : [];
    const remark = typeof offset === 'number' && typeof length === 'number' ? remarkOf(source.text.slice(offset, offset + length), offset) : undefined;
    if (remark === undefined) throw new Malformed('a comment is none');
    return remark;
  });
  return Object.freeze({ file, source, root, value: toPlain(root), findings: Object.freeze([]), remarks: Object.freeze(said) });
}

/** Bytes, taken from the front. */
class Sections {
  #rest: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#rest = bytes;
  }

  bytes(length: unknown): Uint8Array {
    if (typeof length !== 'number' || !Number.isSafeInteger(length) || length < 0 || length > this.#rest.length) throw new Malformed('it ends too soon');
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return taken;
  }

  text(length: unknown): string {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.bytes(length));
    } catch (error) {
      if (error instanceof Malformed) throw error;
      throw new Malformed('a text is not UTF-8');
    }
  }

  end(): void {
    if (this.#rest.length > 0) throw new Malformed('something follows its end');
  }
}

function lineOf(bytes: Uint8Array, most: number): { readonly line: unknown; readonly rest: Uint8Array } {
  const end = bytes.subarray(0, most).indexOf(10);
  if (end === -1) throw new Malformed('it ends too soon');
  return { line: parse(Buffer.from(bytes.subarray(0, end)).toString('utf8')), rest: bytes.subarray(end + 1) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Malformed('it is not what was written');
  }
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Malformed('it is not what was written');
  return value as Readonly<Record<string, unknown>>;
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function relativeTo(folder: string, file: string): string {
  return isAbsolute(folder) === isAbsolute(file) ? relative(folder, file) : file;
}
