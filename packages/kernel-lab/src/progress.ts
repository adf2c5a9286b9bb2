import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** `48 s`, `31 min`, `2 h 5 min` */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${String(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${String(minutes)} min` : `${String(Math.floor(minutes / 60))} h ${String(minutes % 60)} min`;
}

/** The last group of tests that a guest finished, by its console in that folder, and how many failed so far. */
export function whereItIs(folder: string): string {
  const path = join(folder, 'console');
  return whereIn(existsSync(path) ? readFileSync(path, 'utf8') : '');
}

/** The reporter prints a line for each group, and one for each failure, whose title goes down to the test. */
export function whereIn(console: string): string {
  const groups = [...console.matchAll(/^ {2}[✓✗-] (.+: [0-9]+ passed.*?)\r?$/gm)].map(([, line]) => line ?? '');
  const failed = [...console.matchAll(/^ {2}✗ .+ › /gm)].length;
  const last = groups.at(-1);
  return `${last === undefined ? 'no test has ended yet' : `done last: ${last}`}${failed === 0 ? '' : `; ${String(failed)} failed so far`}`;
}
