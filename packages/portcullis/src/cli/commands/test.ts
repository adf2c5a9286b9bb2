import { writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { PortcullisError, type Catalogue } from '@portcullis/core';
import { MAX_LOOKS } from '@portcullis/policy';
import type { Command } from 'commander';
import { platformCatalogue } from '../../compose/platform.js';
import { jsonReport } from '../../policy-test/json-report.js';
import { junitReport } from '../../policy-test/junit-report.js';
import { lcovReport } from '../../policy-test/lcov-report.js';
import { countAll, runFile, type RanFile } from '../../policy-test/test-file.js';
import { textReport } from '../../policy-test/text-report.js';
import { untilChanged } from '../../reload/until-changed.js';
import { limitsOf } from '../../limits.js';
import { colorsFor, hasColor } from '../colors.js';
import { EXIT, print, report, say, UsageError } from '../exit.js';
import { examples, oneOf } from '../help.js';
import { countOf } from '../parse-options.js';
import { MAX_BYTES } from '../parse-bytes.js';
import { addPluginOptions, chosenPlugins, type PluginChoice } from '../plugin-options.js';

interface TestOptions extends PluginChoice {
  readonly json?: true;
  readonly junit?: string;
  readonly lcov?: string;
  readonly coverage?: true;
  readonly watch?: true;
  readonly maxLooks: number;
  readonly maxBytes?: number;
  readonly platform?: string;
}

/** `portcullis test`: does the policy decide as its tests say? */
export function addTest(program: Command, done: (code: number) => void): void {
  addPluginOptions(program.command('test')
    .summary('run the tests of policies')
    .description('Runs files of kind PolicyTest: cases, properties over all peers that can be told apart, and coverage. Exits 0 when all held, 1 when something failed or could not be proved, 2 when it was called wrongly.')
    .argument('<file...>', 'test files')
    .option('--coverage', 'show all that no case covers, whether or not a threshold asks for it')
    .option('--json', 'for machines')
    .option('--junit <file>', 'also write JUnit XML')
    .option('--lcov <file>', 'also write coverage for tools that read lcov')
    .option('--watch', 'run again whenever a test or its policy changes, until interrupted')
    .option('--max-looks <number>', 'peers that are looked at for one property at most', countOf, MAX_LOOKS)
    .option(...MAX_BYTES)
    .option('--platform <name>', 'with the keys of another platform than this one: linux or darwin', oneOf('linux', 'darwin')))
    .addHelpText('after', examples(
      ['all tests of a folder', 'portcullis test policies/*.test.yaml'],
      ['what do they leave out?', 'portcullis test --coverage policy.test.yaml'],
      ['in continuous integration', 'portcullis test --junit report.xml --lcov coverage.info policy.test.yaml'],
      ['while you write', 'portcullis test --watch policy.test.yaml'],
    ))
    .action(async (files: readonly string[], options: TestOptions) => { done(await test(files, options)); });
}

async function test(files: readonly string[], options: TestOptions): Promise<number> {
  if (options.watch === true && options.json === true) throw new UsageError('`--watch` is for people: leave `--json` away');
  const catalogue = await platformCatalogue(options.platform, await chosenPlugins(options));
  const names = [...new Set(files)];
  if (options.watch === true) return watch(names, catalogue, options);
  const ran = runAll(names, catalogue, options);
  return countAll(ran).failing === 0 ? EXIT.ok : EXIT.failed;
}

function runAll(files: readonly string[], catalogue: Catalogue, { json, junit, lcov, coverage, maxLooks, ...rest }: TestOptions): readonly RanFile[] {
  const ran = files.map((file) => runFile(file, catalogue, { maxLooks, ...limitsOf(rest) }));
  print(json === true ? jsonReport(ran) : textReport(ran, { colors: colorsFor(process.stdout), color: hasColor(process.stdout), coverage: coverage === true }));
  if (junit !== undefined) write(junit, junitReport(ran));
  if (lcov !== undefined) write(lcov, lcovReport(ran));
  return ran;
}

/** Ends with the process. What cannot be written now may be another time. */
async function watch(files: readonly string[], catalogue: Catalogue, options: TestOptions): Promise<never> {
  for (;;) {
    const beganMs = Date.now();
    let watched = { files, folders: files.map((file) => dirname(file)) };
    try {
      const loaded = runAll(files, catalogue, options).map((ran) => ran.loaded);
      watched = { files: loaded.flatMap((one) => one.files), folders: loaded.flatMap((one) => one.folders) };
    } catch (error) {
      report(error);
    }
    say('portcullis: watching; interrupt to end');
    await untilChanged(watched, beganMs);
  }
}

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (cause) {
    throw new PortcullisError('REPORT_WRITE', `cannot write \`${path}\``, { cause, facts: { path } });
  }
}
