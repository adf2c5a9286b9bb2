import { escapeText } from './escape.js';
import type { PolicyFinding } from './finding.js';
import type { Sources, SourceText } from './source-text.js';

export interface FormatOptions {
  /** ANSI colours, for terminals. */
  readonly color?: boolean;
}

const WIDTH = 100;
const RED = 31;
const YELLOW = 33;
const CYAN = 36;

function paint(text: string, colour: number, options: FormatOptions): string {
  return options.color === true ? `\u001b[${String(colour)}m${text}\u001b[0m` : text;
}

/**
 * A finding for people: `file:line:column: CODE message`, then a code frame with a caret, then the suggestion and the
 * remedy. Several lines, no line break at the end. All foreign text is escaped.
 */
export function formatFinding(finding: PolicyFinding, sources: Sources, options: FormatOptions = {}): string {
  const { file, line, column } = finding.place;
  const code = paint(finding.code, finding.severity === 'error' ? RED : YELLOW, options);
  const lines = [`${escapeText(file)}:${String(line)}:${String(column)}: ${code} ${finding.message}`];
  const source = sources.get(file);
  if (source !== undefined) lines.push(...codeFrame(source, finding, options));
  if (finding.suggestion !== undefined) lines.push(`  ${paint(finding.suggestion, CYAN, options)}`);
  if (finding.remedy !== undefined) lines.push(`  ${finding.severity === 'error' ? 'fix' : 'consider'}: ${finding.remedy}`);
  return lines.join('\n');
}

/** All findings, errors first, with a blank line between them. */
export function formatFindings(findings: readonly PolicyFinding[], sources: Sources, options: FormatOptions = {}): string {
  const errors = findings.filter((finding) => finding.severity === 'error');
  const warnings = findings.filter((finding) => finding.severity !== 'error');
  return [...errors, ...warnings].map((finding) => formatFinding(finding, sources, options)).join('\n\n');
}

function codeFrame(source: SourceText, finding: PolicyFinding, options: FormatOptions): readonly string[] {
  const { line, column } = finding.place;
  const text = source.line(line);
  if (text === undefined || source.text === '') return [];
  const digits = String(line).length;
  const gutter = (label: string): string => `  ${label.padStart(digits)} |`;
  // A long line is shown from shortly before the caret.
  const from = column > WIDTH - 20 ? column - 21 : 0;
  const shown = (part: string): string => `${from > 0 ? '…' : ''}${escapeText(part.slice(from, from + WIDTH))}`;
  const before = source.line(line - 1);
  const pad = escapeText(text.slice(from, column - 1)).length + (from > 0 ? 1 : 0);
  const marked = escapeText(text.slice(column - 1, Math.min(column - 1 + finding.length, from + WIDTH)));
  const caret = paint('^'.repeat(Math.max(1, marked.length)), RED, options);
  return [
    ...(before === undefined ? [] : [`${gutter(String(line - 1))} ${shown(before)}`.trimEnd()]),
    `${gutter(String(line))} ${shown(text)}`.trimEnd(),
    `${gutter('')} ${' '.repeat(pad)}${caret}`,
  ];
}
