import { escapeText } from '@portcullis/core';
import { formatFindings, formatPercent, shareOf, uncovered, type TestResult } from '@portcullis/policy';
import type { Colors } from '../cli/colors.js';
import { countAll, type RanFile } from './test-file.js';
import { extent, failuresOf } from './describe-failure.js';

export interface TextOptions {
  readonly colors: Colors;
  readonly color: boolean;
  /** Shows what is not covered even where no threshold asks. */
  readonly coverage: boolean;
}

/** Branches and rules that are shown as not covered, of one file. */
const MOST_UNCOVERED = 50;

/** What came of test files, as people read it: every case a line, then what failed, with its explanation. */
export function textReport(ran: readonly RanFile[], options: TextOptions): string {
  const report = new TextReport(options);
  for (const one of ran) report.file(one);
  return report.finish(ran);
}

class TextReport {
  readonly #options: TextOptions;
  readonly #lines: string[] = [];
  readonly #details: string[] = [];
  #failures = 0;

  constructor(options: TextOptions) {
    this.#options = options;
  }

  file({ file, loaded, result }: RanFile): void {
    const { colors, color } = this.#options;
    this.#lines.push(colors.bold(escapeText(file)));
    if (loaded.findings.length > 0) this.#lines.push(formatFindings(loaded.findings, loaded.sources, { color }), '');
    if (result === undefined) {
      this.#line(false, 'cannot be run');
      this.#lines.push('');
      return;
    }
    // The lines below count on in this order.
    let number = this.#failures;
    for (const { name, place, lines } of failuresOf(result, color)) {
      this.#details.push([`${String((number += 1))}) ${escapeText(place.file)}:${String(place.line)}:${String(place.column)} ${colors.bold(escapeText(name))}`, ...lines.map((line) => `   ${line}`.trimEnd())].join('\n'));
    }
    for (const { ok, test } of result.cases) this.#line(ok, escapeText(test.name));
    for (const one of result.properties) this.#line(one.outcome === 'proved', `${escapeText(one.property.name)}${one.outcome === 'proved' ? colors.dim(` (proved: ${extent(one)})`) : ''}`);
    this.#coverage(result, loaded.sources);
    this.#lines.push('');
  }

  finish(ran: readonly RanFile[]): string {
    const { colors } = this.#options;
    const { passing, failing } = countAll(ran);
    const details = this.#details.length === 0 ? [] : [...this.#details.flatMap((detail) => [detail, ''])];
    const failed = failing === 0 ? '' : `, ${colors.red(`${String(failing)} failing`)}`;
    return [...this.#lines, ...details, `${colors.green(`${String(passing)} passing`)}${failed}`].join('\n');
  }

  #line(ok: boolean, text: string): void {
    const { colors } = this.#options;
    if (ok) this.#lines.push(`  ${colors.green('✓')} ${text}`);
    else this.#lines.push(colors.red(`  ${String((this.#failures += 1))}) ${text}`));
  }

  #coverage(result: TestResult, sources: RanFile['loaded']['sources']): void {
    const { color, coverage } = this.#options;
    const { test, missed } = result;
    if (test.cases.length === 0 && test.thresholds.length === 0 && !coverage) return;
    const [rules, branches] = [shareOf(result.coverage, 'rules'), shareOf(result.coverage, 'branches')];
    this.#lines.push(`  covered: ${String(rules.covered)} of ${String(rules.total)} rules (${formatPercent(rules.percent)}), ${String(branches.covered)} of ${String(branches.total)} branches (${formatPercent(branches.percent)})`);
    if (missed.length === 0 && !coverage) return;
    const all = uncovered(result.coverage);
    this.#lines.push('', formatFindings([...missed, ...all.slice(0, MOST_UNCOVERED)], sources, { color }));
    if (all.length > MOST_UNCOVERED) this.#lines.push(`… ${String(all.length - MOST_UNCOVERED)} more`);
  }
}
