import { isDeepStrictEqual } from 'node:util';
import { isScalar, Lexer, parseDocument, type Tags } from 'yaml';
import { readDocument } from '../document/document.js';
import { escapeRefused } from '../document/encoding.js';
import { makeFinding, type PolicyFinding } from '../findings/finding.js';
import type { SourceText } from '../findings/source-text.js';

export interface FormattedDocument {
  /** Undefined where the document cannot be read, or not be formatted without a loss. */
  readonly text?: string;
  readonly findings: readonly PolicyFinding[];
  readonly source: SourceText;
}

/** A document that needs more rounds than this to come to rest is left as it is. */
const MAX_ROUNDS = 4;

/**
 * The same document in one layout: two blanks a level, one blank line at most, line feeds, no trailing blanks. Order, quotes,
 * comments, anchors and the choice between block and flow stay. What it means and every comment are compared before it is
 * given out, and formatting it again changes nothing: where that cannot be had, it is a finding.
 */
export function formatDocument(input: string | Uint8Array, file: string): FormattedDocument {
  const { source, value, findings } = readDocument(input, file);
  if (value === undefined) return { findings, source };
  const text = settle(source.text);
  const after = text === undefined ? undefined : readDocument(text, file).value;
  if (text !== undefined && isDeepStrictEqual(after, value) && isDeepStrictEqual(commentsOf(text), commentsOf(source.text))) return { text, findings, source };
  return { findings: [...findings, makeFinding('FORMAT_LOSS', source, { offset: 0, length: 1 }, 'this layout cannot be changed without losing something')], source };
}

function settle(text: string): string | undefined {
  let last = text;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const next = layOut(last);
    if (next === last) return next;
    last = next;
  }
  return undefined;
}

function layOut(text: string): string {
  const document = parseDocument(text, { version: '1.2', schema: 'core', merge: false, strict: true, prettyErrors: false, resolveKnownTags: false, uniqueKeys: false, customTags: asSpelled });
  // Without a width nothing is folded, and no list is broken up.
  const laid = document.toString({ lineWidth: 0, indent: 2, flowCollectionPadding: true });
  return tighten(laid);
}

/** Numbers as they are spelled: `0600` is a mode, and who reads 600 may think of another number. */
function asSpelled(tags: Tags): Tags {
  return tags.map((tag): Tags[number] => {
    if (typeof tag === 'string' || tag.stringify === undefined || !/:(?:int|float)$/.test(tag.tag)) return tag;
    const { stringify } = tag;
    return { ...tag, stringify: (item, ...rest) => (isScalar(item) && typeof item.source === 'string' ? item.source : stringify(item, ...rest)) };
  });
}

/** `[ 1, 2 ]` as `[1, 2]`, which the library pads as it pads mappings; and no blanks behind comments. */
function tighten(text: string): string {
  const tokens = tokensOf(text);
  const kept = tokens.filter((token, index) => token !== ' ' || (tokens[index - 1] !== '[' && tokens[index + 1] !== ']'));
  return kept.map((token) => (token.startsWith('#') ? token.trimEnd() : token.startsWith('"') ? escapeRefused(token) : token)).join('');
}

/** All of a text, in order, without the lexer's own marks. */
function tokensOf(text: string): readonly string[] {
  return [...new Lexer().lex(text)].filter((token) => !MARKS.has(token));
}

const MARKS: ReadonlySet<string> = new Set(['\u0002', '\u0018', '\u001f']);

/** The comments of a document, in any order: one that goes from before a key to after it is not lost. */
function commentsOf(text: string): readonly string[] {
  return tokensOf(text).filter((token) => token.startsWith('#')).map((token) => token.trim()).sort();
}
