/** A Markdown table; readable in a terminal too where `padded`. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], padded = false): string {
  const cells = [head, ...rows].map((row) => row.map((cell) => cell.replaceAll('|', '\\|')));
  const widths = head.map((_, at) => (padded ? Math.max(...cells.map((row) => (row[at] ?? '').length)) : 3));
  const line = (row: readonly string[]): string => `| ${row.map((cell, at) => (padded ? cell.padEnd(widths[at] ?? 0) : cell)).join(' | ')} |`;
  const [first = [], ...others] = cells;
  return [line(first), `|${widths.map((width) => '-'.repeat(padded ? width + 2 : width)).join('|')}|`, ...others.map(line)].join('\n');
}
