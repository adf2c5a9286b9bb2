import type { SourcePlace } from '@portcullis/core';
import { FINDING_CODES, type FindingCode } from './finding-codes.js';
import type { SourceText } from './source-text.js';

/** Something that reading, checking or compiling found. Errors refuse the policy, warnings do not. */
export interface PolicyFinding {
  /** Stable. Ours are in `FINDING_CODES`; who reuses the document reader may add their own. */
  readonly code: string;
  readonly severity: 'error' | 'warning';
  /** This finding only, lower case, data in backticks. */
  readonly message: string;
  readonly place: SourcePlace;
  /** How many characters the caret underlines; at least 1. */
  readonly length: number;
  /** What was probably meant: `did you mean \`unix:uid\`?`. */
  readonly suggestion?: string;
  readonly remedy?: string;
}

/** A part of a source that a finding points at. Nodes of a document are spans. */
export interface Span {
  readonly offset: number;
  readonly length: number;
}

/** Makes a finding of ours, with the severity and the remedy of the table. */
export function makeFinding(code: FindingCode, source: SourceText, span: Span, message: string, suggestion?: string): PolicyFinding {
  const { severity, remedy } = FINDING_CODES[code];
  const place = source.placeAt(span.offset);
  const length = Math.max(1, span.length);
  return Object.freeze(
    suggestion === undefined
      ? { code, severity, message, place, length, remedy }
      : { code, severity, message, place, length, suggestion, remedy },
  );
}

/** Collects findings, in the order in which they are found and up to a cap. */
export class FindingList {
  static readonly LIMIT = 100;
  readonly #findings: PolicyFinding[] = [];
  #errors = 0;

  add(finding: PolicyFinding): void {
    if (finding.severity === 'error') this.#errors++;
    // An error always stays: a policy with errors must never look as if it had none.
    if (this.#findings.length < FindingList.LIMIT || (finding.severity === 'error' && this.#errors === 1)) {
      this.#findings.push(finding);
    }
  }

  report(code: FindingCode, source: SourceText, span: Span, message: string, suggestion?: string): void {
    this.add(makeFinding(code, source, span, message, suggestion));
  }

  /** Whether no error was found. */
  isSound(): boolean {
    return this.#errors === 0;
  }

  /** Whether findings may have been left out. */
  get isFull(): boolean {
    return this.#findings.length >= FindingList.LIMIT;
  }

  /** Frozen, by place: file as read, then line and column. */
  toArray(): readonly PolicyFinding[] {
    const files = [...new Set(this.#findings.map(({ place }) => place.file))];
    const sorted = [...this.#findings].sort(
      ({ place: a }, { place: b }) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line || a.column - b.column,
    );
    return Object.freeze(sorted);
  }
}
