// The whole gate, `npm run check`: each step named and timed as it runs, a failing one with its output, and a table at
// the end. Every step is tried, so that one run tells all there is to mend; what needs a build is skipped without one. A step
// that runs beside others has its line once they are through.
import { styleText } from 'node:util';
import { PackedExamples } from './check/examples.mjs';
import { generatedFilesAreCurrent } from './check/generated.mjs';
import { PackedPackages } from './check/packages.mjs';
import { isTreeClean, treeChanges } from './lib/git.mjs';
import { Failure, Skip, must } from './lib/run.mjs';
import { bin } from './lib/workspaces.mjs';
import { registryNames } from './registry-free.mjs';
import { brokenRules } from './repository-rules.mjs';

/** Set by .ci/run, which has just run the tests as a user would: `npm ci && npm test`. */
const TESTS_RAN = 'PORTCULLIS_TESTS_RAN';
const OTHER_NODES = [22, 24, 26];

const colourful = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
const paint = (style, text) => (colourful ? styleText(style, text) : text);
const print = (text = '') => process.stdout.write(`${text}\n`);
const MARKS = { passed: paint('green', 'ok  '), failed: paint('red', 'FAIL'), skipped: paint('yellow', 'skip') };

/** A step's answer: a remark for the table, warnings for the reader. */
const warned = (remark, warnings) => ({ remark, warnings });

async function lint() {
  await must(bin('eslint'), ['--max-warnings', '0', '.'], { timeoutMs: 900_000 });
}

async function tests() {
  if (process.env[TESTS_RAN] === '1') throw new Skip(`${TESTS_RAN}=1: they ran before this`);
  if (process.argv.includes('--no-tests')) throw new Skip('--no-tests');
  await must(bin('mocha'), [], { show: true, timeoutMs: 1_200_000 });
}

/** One that throws while mocha collects them keeps all others from running, and no Mac is at hand to show it. */
async function testsLoadOnMac() {
  const pretence = new URL('check/as-on-a-mac.mjs', import.meta.url).href;
  await must(process.execPath, ['--import', pretence, bin('mocha'), '--dry-run', '--reporter', 'dot', '--exit'], { timeoutMs: 240_000 });
}

async function rules() {
  const { errors, warnings } = await brokenRules();
  const found = [...(await registryNames()), ...errors];
  if (found.length > 0) throw new Failure('rules of the repository are broken', found.join('\n'));
  return warned(warnings.length === 0 ? '' : `${warnings.length} to look at`, warnings);
}

/** Nothing above may have changed a tracked file, or left a new one. */
function untouched(wasClean) {
  return async () => {
    if (wasClean === undefined) throw new Skip('not a git checkout');
    if (!wasClean) throw new Skip('there were changes at the start');
    if (!(await isTreeClean())) throw new Failure('the checks changed the tree', await treeChanges());
  };
}

/** What came of a step, and after how long. Never rejects. */
async function outcome(run) {
  const startMs = performance.now();
  const came = await Promise.resolve().then(run).then((answer) => ({ answer }), (error) => ({ error }));
  return { ...came, seconds: (performance.now() - startMs) / 1_000 };
}

/** Prints the line of a step that ended. */
function tell(name, { answer = '', error, seconds }) {
  const done = (state, remark = '') => {
    print(`${MARKS[state]} ${name} ${paint('gray', `(${seconds.toFixed(1)} s)`)}${remark === '' ? '' : `  ${remark}`}`);
    return { name, state, seconds, remark };
  };
  if (error instanceof Skip) return done('skipped', error.message);
  if (error !== undefined) {
    const result = done('failed', error.message);
    print(error instanceof Failure ? error.output.replace(/^(?!$)/gm, '     ') : error.stack);
    return result;
  }
  const { remark, warnings } = typeof answer === 'string' ? warned(answer, []) : answer;
  for (const warning of warnings) print(`     ${paint('yellow', 'warning')} ${warning}`);
  return done('passed', remark);
}

function table(results) {
  const width = Math.max(...results.map(({ name }) => name.length));
  print();
  for (const { name, state, seconds, remark } of results) {
    print(`  ${MARKS[state]} ${name.padEnd(width)} ${`${seconds.toFixed(1)} s`.padStart(8)}  ${remark}`);
  }
  const count = (wanted) => results.filter(({ state }) => state === wanted).length;
  print(`\ncheck: ${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`);
}

async function main() {
  const wasClean = await isTreeClean();
  const packages = new PackedPackages();
  const examples = new PackedExamples(packages);
  const steps = [
    { name: 'build', run: () => must(bin('tsc'), ['-b']).then(() => ''), needed: true },
    { name: 'generated files', run: generatedFilesAreCurrent },
    { name: 'repository rules', run: rules },
    { name: 'tests', run: tests, needsBuild: true },
    { name: 'tests, collected as on a Mac', run: testsLoadOnMac, needsBuild: true },
    // It needs one processor for as long as all that follows: not beside the tests, which measure time.
    { name: 'lint', run: lint, isBeside: true },
    { name: 'pack', run: () => packages.pack(), needsBuild: true },
    { name: 'package lint', run: () => packages.lint(), needsBuild: true },
    { name: 'packed packages, installed', run: () => packages.smoke(), needsBuild: true },
    ...OTHER_NODES.map((major) => ({
      name: `the same on node ${major}`,
      run: () => packages.smokeOn(major),
      needsBuild: true,
    })),
    { name: 'examples, beside them', run: () => examples.install(), needsBuild: true },
    ...PackedExamples.names().map((name) => ({ name: `example ${name}`, run: () => examples.smoke(name), needsBuild: true })),
    { name: 'tree unchanged', run: untouched(wasClean), waits: true },
  ];

  const results = [];
  const beside = [];
  let built = true;
  try {
    for (const { name, run, needed, needsBuild, isBeside, waits } of steps) {
      if (waits === true) for (const { name: other, came } of beside) results.push(tell(other, await came));
      print(paint('gray', `…    ${name}${isBeside === true ? ', beside the next' : ''}`));
      const came = outcome(needsBuild === true && !built ? () => Promise.reject(new Skip('the build failed')) : run);
      if (isBeside === true) {
        beside.push({ name, came });
        continue;
      }
      const result = tell(name, await came);
      if (needed === true && result.state !== 'passed') built = false;
      results.push(result);
    }
  } finally {
    packages.close();
  }
  table(results);
  process.exitCode = results.some(({ state }) => state === 'failed') ? 1 : 0;
}

await main();
