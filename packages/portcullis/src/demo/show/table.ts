import { line, painted, wrap, type Line } from './line.js';

/** Lines of one cell, from top to bottom. */
export type Cell = readonly Line[];

export interface Column {
  readonly title: string;
  readonly width: number;
}

const GAP = '  ';

/** Columns that fill `width`: fixed ones by their share, the last one takes what is left. */
export function columnsFor(width: number, titles: readonly string[], shares: readonly number[]): readonly Column[] {
  const fixed = shares.map((share) => Math.round(share * width));
  const left = width - fixed.reduce((sum, one) => sum + one, 0) - GAP.length * (titles.length - 1);
  return titles.map((title, at) => ({ title, width: fixed[at] ?? left }));
}

/** Rows of wrapped cells with a rule below the head and an empty line between rows. */
export function formatTable(columns: readonly Column[], rows: readonly (readonly Cell[])[], bold: (text: string) => string): string {
  const head = formatRow(columns, columns.map(({ title }) => [line(title, bold)]));
  const rule = columns.map(({ width }) => '─'.repeat(width)).join(GAP);
  return [head, rule, rows.map((cells) => formatRow(columns, cells)).join('\n\n')].join('\n');
}

function formatRow(columns: readonly Column[], cells: readonly Cell[]): string {
  const wrapped = columns.map(({ width }, at) => (cells[at] ?? []).flatMap((one) => wrap(one, width)));
  const height = Math.max(...wrapped.map((lines) => lines.length));
  const last = columns.length - 1;
  return Array.from({ length: height }, (_, row) =>
    wrapped.map((lines, at) => {
      const one = lines[row] ?? line('');
      const padding = at === last ? 0 : (columns[at]?.width ?? 0) - one.text.length;
      return painted(one) + ' '.repeat(Math.max(0, padding));
    }).join(GAP).trimEnd(),
  ).join('\n');
}
