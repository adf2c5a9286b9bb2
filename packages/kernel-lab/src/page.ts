import { FEATURES } from './features.js';
import type { Counts } from './job.js';
import { WHO, countsOf, matrixOf, nameOf, type Boot, type Cell } from './matrix.js';
import { table } from './table.js';

export const FEATURES_MARK = 'features';
export const MATRIX_MARK = 'matrix';
export const TESTS_MARK = 'tests';

/** How the matrix is read, in print and on the page. */
export const LEGEND = 'A cell is what was seen: ✓ is there, – is not, and a text is what a selector says. Where something else was expected, `expected …` stands beside it; every other cell is also what was expected. What root and a user saw is told once where it is the same.';

/** The table of the features: generated from what is declared, without any kernel. */
export function featureTable(): string {
  const head = ['feature', 'since', 'used for', 'without it', 'what an attacker gains then'];
  return table(head, FEATURES.map(({ name, since, usedFor, without, attack }) => [name, since, usedFor, without, attack]));
}

/** What was seen, feature × kernel × module. `✓` and `–` for yes and no; what differs from the declared stands out. */
export function matrixTable(boots: readonly Boot[], padded = false): string {
  const rows = matrixOf(boots).map(({ feature, look, cells }) => {
    const name = look.shown === undefined ? feature.name : `${feature.name}: ${look.shown}`;
    return [name, ...cells.map((cell) => cellText(cell))];
  });
  return table(['feature', ...boots.map(nameOf)], rows, padded);
}

/** The matrix as the page has it, with the kernels that were booted. */
export function matrixSection(boots: readonly Boot[]): string {
  const releases = [...new Set(boots.map(({ release }) => `\`${release}\``))];
  return `${matrixTable(boots)}\n\nBooted were ${releases.join(', ')}.`;
}

/** What the tests came to, part × kernel, module and user: `passed`, with what failed and what was skipped, for want of a feature or of root. */
export function testsTable(boots: readonly Boot[], padded = false): string {
  const columns = boots.flatMap((boot) => WHO.map((who) => ({ name: `${nameOf(boot)}, ${who}`, boot, who })));
  const parts = [...new Set(boots.flatMap(({ said }) => said.flatMap((one) => ('counts' in one ? [one.part] : []))))].sort();
  const rows = parts.map((part) => [part, ...columns.map(({ boot, who }) => countsText(countsOf(boot, who, part)))]);
  const all = ['all', ...columns.map(({ boot, who }) => countsText(countsOf(boot, who)))];
  return table(['tests', ...columns.map(({ name }) => name)], [...rows, all], padded);
}

function countsText(counts: Counts | undefined): string {
  if (counts === undefined) return 'not run';
  const { passed, failed, skipped } = counts;
  return [String(passed), ...(failed === 0 ? [] : [`${String(failed)} failed`]), ...(skipped === 0 ? [] : [`${String(skipped)} skipped`])].join(', ');
}

function cellText({ seen, expected }: Cell): string {
  const texts = WHO.map((who) => {
    const shown = short(seen[who]);
    return seen[who] === expected[who] ? shown : `${shown}, expected ${short(expected[who])}`;
  });
  return texts[0] === texts[1] ? (texts[0] ?? '') : WHO.map((who, at) => `${who}: ${texts[at] ?? ''}`).join('; ');
}

function short(value: string | undefined): string {
  if (value === undefined) return 'not seen';
  if (value === 'yes') return '✓';
  return value === 'no' ? '–' : value;
}

/** The page with `text` between `<!-- begin NAME -->` and `<!-- end NAME -->`. @throws Error when the marks are not there. */
export function between(page: string, name: string, text: string): string {
  const { start, end } = marks(page, name);
  return `${page.slice(0, start)}\n${text}\n\n${page.slice(end)}`;
}

/** What stands there now, without the empty lines around it. */
export function readBetween(page: string, name: string): string {
  const { start, end } = marks(page, name);
  return page.slice(start, end).trim();
}

function marks(page: string, name: string): { readonly start: number; readonly end: number } {
  const begin = `<!-- begin ${name} -->\n`;
  const at = page.indexOf(begin);
  const end = page.indexOf(`<!-- end ${name} -->\n`);
  if (at < 0 || end < at) throw new Error(`the page has no place for ${name}`);
  return { start: at + begin.length, end };
}
