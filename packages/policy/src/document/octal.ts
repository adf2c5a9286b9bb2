import { quote } from '../findings/escape.js';
import type { SourceText } from '../findings/source-text.js';
import type { DocNode } from './node.js';

/**
 * What is wrong with a number that begins with a zero, where an id belongs; undefined where nothing is. Modes of files are written so,
 * ids are not: who writes one may mean another number than is read.
 */
export function octalProblem(source: SourceText, node: DocNode): string | undefined {
  if (node.kind !== 'scalar' || typeof node.value !== 'number') return undefined;
  const text = source.text.slice(node.offset, node.offset + node.length);
  return /^[-+]?0[0-9]/.test(text) ? `${quote(text, 40)} begins with a zero: YAML 1.2 reads ${String(node.value)}, and others an octal number` : undefined;
}
