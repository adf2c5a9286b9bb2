import { didYouMean } from './suggest.js';
import { quote } from './escape.js';
import type { FindingList, PolicyFinding } from './finding.js';
import { FINDING_CODES, isFindingCode, type FindingCode } from './finding-codes.js';
import type { SourceText } from './source-text.js';

/** A comment that speaks to this program, as the document reader gives it. */
interface Remark {
  readonly offset: number;
  readonly length: number;
  readonly text: string;
}

/** A warning that the policy says is meant, with the reason that it gives. */
export interface SuppressedFinding extends PolicyFinding {
  readonly reason: string;
}

interface Suppression {
  readonly code: FindingCode;
  readonly reason: string;
  readonly source: SourceText;
  readonly remark: Remark;
  /** The line that it speaks of. */
  readonly line: number;
  used: boolean;
}

const ALLOW = /^allow[ \t]+(\S+)(?:[ \t]+(.*))?$/;

/**
 * Warnings that the author knows of: `# portcullis: allow CODE reason`, at the end of the line that is warned of, or on a
 * line of its own above it. Errors cannot be allowed, nor can what is wrong with these comments.
 */
export class Suppressions {
  readonly #all: Suppression[] = [];

  /** Reads the comments of a document; what is wrong with them is found at once. */
  read({ source, remarks }: { readonly source: SourceText; readonly remarks: readonly Remark[] }, findings: FindingList): void {
    for (const remark of remarks) {
      const [, code, reason = ''] = ALLOW.exec(remark.text) ?? [];
      if (code === undefined) findings.report('SUPPRESSION_SYNTAX', source, remark, `${quote(remark.text)} is not \`allow CODE reason\``);
      else if (!isFindingCode(code)) findings.report('SUPPRESSION_UNKNOWN_CODE', source, remark, `there is no finding ${quote(code)}`, didYouMean(code, Object.keys(FINDING_CODES)));
      else if (FINDING_CODES[code].severity === 'error' || code.startsWith('SUPPRESSION_')) findings.report('SUPPRESSION_REFUSED', source, remark, `${quote(code)} cannot be allowed: ${FINDING_CODES[code].severity === 'error' ? 'it is an error' : 'it is about such a comment'}`);
      else if (!/\p{L}/u.test(reason)) findings.report('SUPPRESSION_REASON', source, remark, `no reason is given to allow ${quote(code)}`);
      else this.#all.push({ code, reason: reason.trim(), source, remark, line: lineMeant(source, remark), used: false });
    }
  }

  /** Parts findings into those that stay and those that are allowed. */
  sift(findings: readonly PolicyFinding[]): { readonly findings: readonly PolicyFinding[]; readonly suppressed: readonly SuppressedFinding[] } {
    if (this.#all.length === 0) return { findings, suppressed: Object.freeze([]) };
    const kept: PolicyFinding[] = [];
    const suppressed: SuppressedFinding[] = [];
    for (const finding of findings) {
      const by = finding.severity === 'error' ? [] : this.#all.filter(({ code, source, line }) => code === finding.code && source.file === finding.place.file && line === finding.place.line);
      const [first] = by;
      for (const one of by) one.used = true;
      if (first === undefined) kept.push(finding);
      else suppressed.push(Object.freeze({ ...finding, reason: first.reason }));
    }
    return { findings: Object.freeze(kept), suppressed: Object.freeze(suppressed) };
  }

  /** Reports those that allowed nothing, of codes that were looked for. */
  reportUnused(findings: FindingList, wasLookedFor: (code: FindingCode) => boolean): void {
    for (const { code, source, remark, used } of this.#all) {
      if (!used && wasLookedFor(code)) findings.report('SUPPRESSION_UNUSED', source, remark, `there is nothing of ${quote(code)} here to allow`);
    }
  }
}

/** A comment behind something speaks of its line, one on a line of its own of the next that is neither blank nor a comment. */
function lineMeant(source: SourceText, { offset }: Remark): number {
  const { line, column } = source.placeAt(offset);
  if ((source.line(line) ?? '').slice(0, column - 1).trim() !== '') return line;
  for (let next = line + 1; ; next++) {
    const text = source.line(next)?.trim();
    if (text === undefined || (text !== '' && !text.startsWith('#'))) return next;
  }
}
