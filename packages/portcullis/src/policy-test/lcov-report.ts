import { resolve } from 'node:path';
import type { TestResult } from '@portcullis/policy';
import type { RanFile } from './test-file.js';

/**
 * Coverage as lcov tracefile, an entry for each test and file of its policy: rules as functions, conditions as branches 0
 * (holds) and 1 (fails). Tools that read lcov add the entries of one file up.
 */
export function lcovReport(ran: readonly RanFile[]): string {
  return ran.flatMap(({ result }) => (result === undefined ? [] : recordsOf(result))).join('\n');
}

function recordsOf({ test, coverage }: TestResult): readonly string[] {
  const files = new Map<string, TraceRecord>();
  const of = (file: string): TraceRecord => {
    const record = files.get(file) ?? new TraceRecord(nameOf(test.file), resolve(file));
    files.set(file, record);
    return record;
  };
  for (const { rule, matched } of coverage.rules) {
    const { file, line } = rule.source.placeAt(rule.span.offset);
    of(file).rule(line, rule.id, matched);
  }
  for (const { test: condition, held, failed } of coverage.branches) {
    const { file, line } = condition.source.placeAt(condition.span.offset);
    of(file).branch(line, held, failed);
  }
  return [...files.values()].map((record) => record.format());
}

/** A test's name has letters, digits and underscores only (geninfo(1)). */
function nameOf(file: string): string {
  return file.replace(/[^A-Za-z0-9]+/g, '_');
}

class TraceRecord {
  readonly #head: readonly string[];
  readonly #rules: { readonly line: number; readonly id: string; readonly matched: number }[] = [];
  readonly #branches: { readonly line: number; readonly taken: readonly [number, number] }[] = [];
  readonly #lines = new Map<number, number>();

  constructor(test: string, path: string) {
    this.#head = [`TN:${test}`, `SF:${path.replace(/[\r\n]/g, '_')}`];
  }

  rule(line: number, id: string, matched: number): void {
    this.#rules.push({ line, id, matched });
    this.#hit(line, matched);
  }

  branch(line: number, held: number, failed: number): void {
    this.#branches.push({ line, taken: [held, failed] });
    this.#hit(line, held + failed);
  }

  format(): string {
    const branches = this.#branches.flatMap(({ line, taken }, block) => taken.map((count, number) => ({ line, block, number, count })));
    const covered = (counts: readonly number[]): number => counts.filter((count) => count > 0).length;
    const lines = [...this.#lines].sort(([a], [b]) => a - b);
    return [
      ...this.#head,
      ...this.#rules.map(({ line, id }) => `FN:${String(line)},${id}`),
      ...this.#rules.map(({ id, matched }) => `FNDA:${String(matched)},${id}`),
      `FNF:${String(this.#rules.length)}`,
      `FNH:${String(covered(this.#rules.map(({ matched }) => matched)))}`,
      ...branches.map(({ line, block, number, count }) => `BRDA:${String(line)},${String(block)},${String(number)},${String(count)}`),
      `BRF:${String(branches.length)}`,
      `BRH:${String(covered(branches.map(({ count }) => count)))}`,
      ...lines.map(([line, count]) => `DA:${String(line)},${String(count)}`),
      `LF:${String(lines.length)}`,
      `LH:${String(covered(lines.map(([, count]) => count)))}`,
      'end_of_record',
      '',
    ].join('\n');
  }

  #hit(line: number, count: number): void {
    this.#lines.set(line, (this.#lines.get(line) ?? 0) + count);
  }
}
