import type { Catalogue } from '@portcullis/core';
import { readRecord, RecordProblem, type RecordedDecision } from '@portcullis/policy';
import type { LogLine, LogLines } from './log-lines.js';

/** A line that is no record. */
export interface LineProblem {
  readonly line: number;
  readonly why: string;
}

/** What was in a log. */
export interface LogSummary {
  readonly lines: number;
  /** Of listeners that were asked for. */
  readonly decisions: number;
  /** The first ones that cannot be read, and how many there are. */
  readonly problems: readonly LineProblem[];
  readonly unreadable: number;
  /** The last line, where it breaks off: the log is still written, or its writer died. */
  readonly torn?: number;
}

/** Lines that are named. */
const MOST_PROBLEMS = 20;

export interface ReadOptions {
  /** Only of these; undefined is all. */
  readonly listeners?: ReadonlySet<string>;
  /** Called now and then, while it is read. */
  readonly progress?: (decisions: number) => void;
}

/** Reads the `decision` records of a log, as `serve` writes it. What is no record is named by its line, and passed over. */
export async function readDecisions(lines: LogLines, catalogue: Catalogue, take: (record: RecordedDecision, line: number) => void, { listeners, progress }: ReadOptions = {}): Promise<LogSummary> {
  const problems: LineProblem[] = [];
  const summary = { lines: 0, decisions: 0, unreadable: 0 };
  let torn: number | undefined;
  const fail = (line: number, why: string): void => {
    summary.unreadable++;
    if (problems.length < MOST_PROBLEMS) problems.push({ line, why });
  };
  await lines.each((line) => {
    summary.lines++;
    const fields = parse(line);
    if (fields === undefined) return;
    if (typeof fields === 'string') {
      if (line.last) torn = line.number;
      else fail(line.number, fields);
      return;
    }
    if (fields['event'] !== 'decision') {
      if (typeof fields['event'] !== 'string') fail(line.number, 'no record: it has no `event`');
      return;
    }
    try {
      const record = readRecord(fields, catalogue);
      if (listeners?.has(record.listener) === false) return;
      summary.decisions++;
      take(record, line.number);
    } catch (error) {
      if (!(error instanceof RecordProblem)) throw error;
      fail(line.number, error.message);
    }
  }, () => { progress?.(summary.decisions); });
  return { ...summary, problems, ...(torn !== undefined && { torn }) };
}

/** The object of a line; undefined of a blank one; why it is none. */
function parse({ text, why }: LogLine): Readonly<Record<string, unknown>> | string | undefined {
  if (text === undefined) return why ?? '';
  if (/^\s*$/.test(text)) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : 'no record: not a JSON object';
  } catch {
    return 'not JSON';
  }
}
