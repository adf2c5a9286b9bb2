import { CST, Lexer, Parser } from 'yaml';
import type { FindingList } from '../findings/finding.js';
import type { SourceText } from '../findings/source-text.js';
import type { DocumentLimits } from './limits.js';
import { remarkOf, type Remark } from './remark.js';

const OPEN = new Set(['flow-seq-start', 'flow-map-start']);
const CLOSE = new Set(['flow-seq-end', 'flow-map-end']);
const NEST = new Set(['seq-item-ind', 'explicit-key-ind']);
/** Lexemes of the library's own, which take no room in the source. */
const MARKS = new Set(['doc-mode', 'flow-error-end', 'scalar']);

/** The concrete syntax of a document, and the comments that speak to this program. */
export interface DocumentTokens {
  readonly tokens: readonly CST.Token[];
  readonly remarks: readonly Remark[];
}

/**
 * The concrete syntax of a source, refused while it is read where it nests too deeply: the library's composer recurses,
 * and on deep input V8 ended the whole process, not only the call.
 */
export function readTokens(source: SourceText, limits: DocumentLimits, findings: FindingList): DocumentTokens | undefined {
  const parser = new Parser();
  const tokens: CST.Token[] = [];
  const remarks: Remark[] = [];
  let offset = 0;
  let depth = 0;
  let nested = 0;
  let inScalar = false;
  let count = 0;
  for (const lexeme of new Lexer().lex(source.text)) {
    if (++count > limits.maxTokens) {
      findings.report('YAML_TOO_LARGE', source, { offset: Math.min(offset, source.text.length), length: 1 }, `the document has more than ${String(limits.maxTokens)} tokens`);
      return undefined;
    }
    const type: CST.TokenType | null = inScalar ? null : CST.tokenType(lexeme);
    inScalar = type === 'scalar';
    if (type !== null) {
      if (OPEN.has(type)) depth++;
      else if (CLOSE.has(type)) depth = Math.max(0, depth - 1);
      else if (depth === 0 && NEST.has(type)) nested++;
      else if (type === 'newline') nested = 0;
      else if (type === 'comment') {
        const remark = remarkOf(lexeme, offset);
        if (remark !== undefined) remarks.push(remark);
      }
    }
    if (depth > limits.maxDepth || nested > limits.maxDepth) {
      tooDeep(source, offset, limits, findings);
      return undefined;
    }
    for (const token of parser.next(lexeme)) tokens.push(token);
    if (type === null || !MARKS.has(type)) offset += lexeme.length;
  }
  for (const token of parser.end()) tokens.push(token);
  const deep = tokens.map((token) => deepOffset(token, limits.maxDepth)).find((at) => at !== undefined);
  if (deep === undefined) return { tokens, remarks };
  tooDeep(source, deep, limits, findings);
  return undefined;
}

function tooDeep(source: SourceText, offset: number, limits: DocumentLimits, findings: FindingList): void {
  const message = `nested deeper than ${String(limits.maxDepth)} levels`;
  findings.report('YAML_TOO_DEEP', source, { offset: Math.min(offset, source.text.length), length: 1 }, message);
}

/** Where a token nests deeper than allowed. A loop with its own stack: depth is what must not be recursed into. */
function deepOffset(root: CST.Token, maxDepth: number): number | undefined {
  const stack: { readonly token: CST.Token; readonly depth: number }[] = [{ token: root, depth: 0 }];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { token, depth } = top;
    if (depth > maxDepth + 1) return token.offset;
    if (token.type === 'document') {
      if (token.value !== undefined) stack.push({ token: token.value, depth: depth + 1 });
    } else if ('items' in token) {
      for (const item of token.items) {
        if (item.key !== undefined && item.key !== null) stack.push({ token: item.key, depth: depth + 1 });
        if (item.value !== undefined) stack.push({ token: item.value, depth: depth + 1 });
      }
    }
  }
  return undefined;
}
