// `npm run test:kernels`: see options.ts for what it does, and for its exit codes.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expectedFeatures } from '@portcullis/testkit';
import { CannotRun, UsageError } from './failure.js';
import { missingTests } from './guest-tree.js';
import { bootAll } from './lab.js';
import { WHO, countsOf, problemsOf, type Boot } from './matrix.js';
import { checkNeeds } from './needs.js';
import { USAGE, parseOptions } from './options.js';
import { duration } from './progress.js';
import { FEATURES_MARK, LEGEND, MATRIX_MARK, TESTS_MARK, between, featureTable, matrixSection, matrixTable, testsTable } from './page.js';

const PAGE = join(import.meta.dirname, '../../../docs/kernel-features.md');

/** More titles than this are not printed. */
const FEW = 5;

const print = (text: string): void => { process.stdout.write(`${text}\n`); };

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if (options === 'help') {
    print(USAGE.trimEnd());
    return 0;
  }
  const missing = missingTests(options.tests);
  if (missing.length > 0) throw new UsageError(`no tests are called ${missing.map((name) => `\`${name}\``).join(', ')}, as far as they are built`);
  checkNeeds();
  const startMs = performance.now();
  const boots = await bootAll(options, (line) => { print(`… ${line}`); });
  print(`\n${matrixTable(boots, true)}\n\n${LEGEND}\n`);
  if (options.suite) {
    print(`${testsTable(boots, true)}\n`);
    printSkips(boots);
  }
  const problems = problemsOf(boots, options.suite);
  for (const problem of problems) print(`✗ ${problem}`);
  const took = `${String(boots.length)} guest${boots.length === 1 ? '' : 's'}, ${duration(performance.now() - startMs)}`;
  print(`kernels: ${problems.length === 0 ? 'all' : String(problems.length)}${problems.length === 0 ? '' : ' not'} as declared (${took})`);
  if (problems.length > 0) return 1;
  if (options.write) writePage(boots, options.suite);
  return 0;
}

/** What guests left out, by reason: how many tests as whom, and which, where they are few. */
function printSkips(boots: readonly Boot[]): void {
  for (const who of WHO) {
    const titles = new Map<string, Set<string>>();
    for (const { reason, title } of boots.flatMap((boot) => countsOf(boot, who)?.skips ?? [])) {
      const why = reason ?? 'no reason given';
      titles.set(why, (titles.get(why) ?? new Set()).add(title));
    }
    for (const [reason, some] of titles) {
      const which = some.size > FEW ? [] : [...some];
      print(`- skipped as ${who}: ${reason}: ${String(some.size)} test${some.size === 1 ? '' : 's'}${which.length === 0 ? '' : `: ${which.join('; ')}`}`);
    }
  }
  print('');
}

function writePage(boots: readonly Boot[], suite: boolean): void {
  const page = between(readFileSync(PAGE, 'utf8'), FEATURES_MARK, featureTable());
  const withMatrix = between(page, MATRIX_MARK, matrixSection(boots));
  writeFileSync(PAGE, suite ? between(withMatrix, TESTS_MARK, testsTable(boots)) : withMatrix);
  print(`written: ${PAGE}`);
}

// The guest, and the folder of this run, go with the `exit` event.
for (const [signal, number] of [['SIGINT', 2], ['SIGTERM', 15], ['SIGHUP', 1]] as const) process.once(signal, () => { process.exit(128 + number); });
try {
  process.exitCode = await main();
} catch (error) {
  if (error instanceof UsageError) {
    process.stderr.write(`test:kernels: ${error.message}\n\n${USAGE}`);
    process.exitCode = 2;
  } else if (error instanceof CannotRun) {
    process.stderr.write(`test:kernels: cannot run here: ${error.message}\n`);
    process.exitCode = expectedFeatures().has('kernels') ? 1 : 3;
  } else throw error;
}
