// The reporter of this repository. While it runs, one line for each top-level suite and each failure; at the end every
// failure in full with its chain of causes, every skipped test with its reason, and mocha's closing counts, which also
// go as JSON to the file that $PORTCULLIS_COUNTS names.
import { AssertionError } from 'node:assert';
import { writeFileSync } from 'node:fs';
import { inspect, styleText } from 'node:util';
import mocha from 'mocha';

const COUNTS_VARIABLE = 'PORTCULLIS_COUNTS';
const EXPECT_VARIABLE = 'PORTCULLIS_EXPECT';
const SLOWEST = 5;
const SLOW_MS = 2_000;
/** What is ending when the tests are over, such as a process that was killed, may take so long. A test of this has less patience. */
const LEAVE_MS = Number(process.env.PORTCULLIS_LEAVE_MS ?? 15_000);

/** Left by `@portcullis/testkit`, which shares this symbol and no module with the reporter. */
const record = () => globalThis[Symbol.for('portcullis.testkit')];

const colourful = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
const paint = (style, text) => (colourful ? styleText(style, text) : text);

/** Past the console: a test that replaces `console.log` must not swallow the report. */
const write = process.stdout.write.bind(process.stdout);
const print = (text = '') => write(`${text}\n`);

const titleOf = (runnable) => runnable.titlePath().join(' › ');
/** How many there are of each kind. */
const countsOf = (kinds) => kinds.reduce((counts, kind) => counts.set(kind, (counts.get(kind) ?? 0) + 1), new Map());
const plural = (count, noun) => `${count} ${noun}${count === 1 ? '' : 's'}`;
const duration = (ms) => (ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`);
const indent = (text, by) => text.replaceAll(/^(?!$)/gm, ' '.repeat(by));

/** Why a test was skipped: it said so itself, or a `before` of one of its suites did. */
function reasonOf(test) {
  for (let at = test; at; at = at.parent) {
    const reason = record()?.reasons.get(at);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/** The features that this run was told it has, and that no test asked for: most likely a slip of the pen. */
function expectedButNeverAsked() {
  const expected = (process.env[EXPECT_VARIABLE] ?? '').split(',').map((name) => name.trim());
  return expected.filter((name) => name !== '' && !record()?.asked.has(name));
}

/** An error in full: its stack, its fields, and the same for each of its causes. */
function explain(error, seen = new Set()) {
  if (seen.has(error)) return '(the same error again)';
  seen.add(error);
  if (!(error instanceof Error)) return inspect(error, { depth: 4 });
  const { cause, multiple } = error;
  const lines = [error.stack ?? String(error)];
  // an assertion's message shows what was expected and what came; its fields would only say it again
  const dull = new Set(['stack', 'message', 'cause', 'multiple', 'uncaught', 'name']);
  const fields = error instanceof AssertionError ? [] : Object.entries(error).filter(([name]) => !dull.has(name));
  if (fields.length > 0) lines.push(inspect(Object.fromEntries(fields), { depth: 4 }));
  if (cause !== undefined) lines.push(`because ${explain(cause, seen)}`);
  for (const other of multiple ?? []) lines.push(`and ${explain(other, seen)}`);
  return lines.join('\n');
}

/** One line a top-level suite: most readers want to know that it ran and how long it took. */
class Progress {
  #suite = { passed: 0, failed: 0, skipped: 0, startMs: 0 };

  begin() {
    this.#suite = { passed: 0, failed: 0, skipped: 0, startMs: performance.now() };
  }

  count(what) {
    this.#suite[what] += 1;
  }

  end(title) {
    const { passed, failed, skipped, startMs } = this.#suite;
    const mark = failed > 0 ? paint('red', '✗') : passed > 0 ? paint('green', '✓') : paint('yellow', '-');
    const counts = [
      `${passed} passed`,
      ...(failed > 0 ? [paint('red', `${failed} failed`)] : []),
      ...(skipped > 0 ? [paint('yellow', `${skipped} skipped`)] : []),
    ];
    print(`  ${mark} ${title}: ${counts.join(', ')} ${paint('gray', `(${duration(performance.now() - startMs)})`)}`);
  }
}

/** A handle in words: what it is, where it leads, and how far it came. */
const describeHandle = (handle) => {
  const place = handle.listening === true ? handle.address() : handle._pipeName ?? handle.remoteAddress ?? handle.spawnfile;
  const states = ['listening', 'connecting', 'destroyed', 'readableFlowing', 'readableEnded', 'writableEnded', 'writableFinished', 'bytesRead', 'bytesWritten', 'pid'];
  const seen = states.filter((state) => ![undefined, null, false].includes(handle[state])).map((state) => `${state} ${handle[state]}`);
  return [handle.constructor?.name ?? typeof handle, place && JSON.stringify(place), ...seen].filter(Boolean).join(', ');
};

/**
 * Nothing should keep the process once the tests are over. What does is named, with the suites after which there was more of it,
 * and ended, instead of waiting for ever or hiding it by an exit at once: the run has failed.
 */
class Leftovers {
  /** By kind of resource: after which suites there were how many more, and are still. */
  #grown = new Map();

  look(title) {
    const now = countsOf(process.getActiveResourcesInfo());
    for (const kind of new Set([...now.keys(), ...this.#grown.keys()])) {
      const grown = this.#grown.get(kind) ?? [];
      let more = (now.get(kind) ?? 0) - grown.reduce((sum, { count }) => sum + count, 0);
      if (more > 0) grown.push({ title, count: more });
      for (; more < 0; more += 1) {
        grown.at(-1).count -= 1;
        if (grown.at(-1).count === 0) grown.pop();
      }
      this.#grown.set(kind, grown);
    }
  }

  expectNone() {
    setTimeout(() => {
      print(paint('red', `\n  ${duration(LEAVE_MS)} after the tests something keeps this process:`));
      for (const [kind, count] of countsOf(process.getActiveResourcesInfo())) {
        const since = (this.#grown.get(kind) ?? []).map((suite) => `${suite.count} since \`${suite.title}\``);
        print(`    - ${kind} (${count}): ${since.join(', ') || 'since the end'}`);
      }
      // Not documented, and the only place where Node says which they are.
      for (const handle of process._getActiveHandles?.() ?? []) print(`    - ${describeHandle(handle)}`);
      process.once('exit', (code) => { process.exitCode = code || 1; }); // after mocha, which sets its own there
      process.exit();
    }, LEAVE_MS).unref();
  }
}

export default class Reporter extends mocha.reporters.Base {
  constructor(runner, options) {
    super(runner, options);
    const progress = new Progress();
    const leftovers = new Leftovers();
    const skipped = [];
    const timed = [];

    const isTopLevel = (suite) => suite.parent?.root === true;
    runner.on('suite', (suite) => isTopLevel(suite) && progress.begin());
    runner.on('suite end', (suite) => {
      if (!isTopLevel(suite)) return;
      progress.end(suite.title);
      leftovers.look(suite.title);
    });
    runner.on('pass', (test) => {
      progress.count('passed');
      timed.push(test);
    });
    runner.on('fail', (test, error) => {
      progress.count('failed');
      print(`  ${paint('red', '✗')} ${titleOf(test)}: ${String(error?.message ?? error).split('\n', 1)[0]}`);
    });
    runner.on('pending', (test) => {
      progress.count('skipped');
      skipped.push({ title: titleOf(test), reason: reasonOf(test) ?? null });
    });
    runner.once('end', () => {
      this.#report(skipped, timed, runner.total);
      leftovers.expectNone();
    });
  }

  #report(skips, timed, total) {
    const { passes: passed, failures: failed, pending: skipped, duration: tookMs } = this.stats;
    const failures = this.failures.map((test) => ({ title: titleOf(test), error: explain(test.err) }));
    const neverAsked = expectedButNeverAsked();
    const failedTests = this.failures.filter((test) => test.type === 'test').length;
    const notRun = Math.max(0, total - passed - skipped - failedTests);

    failures.forEach(({ title, error }, index) => {
      print(`\n  ${index + 1}) ${paint('red', title)}\n`);
      print(indent(error, 5));
    });
    if (skips.length > 0) {
      print('\n  skipped, and why:');
      for (const { title, reason } of skips) print(`    - ${title}: ${paint('yellow', reason ?? 'no reason given')}`);
    }
    const slowest = timed.filter((test) => test.duration > SLOW_MS).sort((a, b) => b.duration - a.duration);
    if (slowest.length > 0) {
      print(`\n  slowest, of ${plural(slowest.length, 'test')} that took more than ${duration(SLOW_MS)}:`);
      for (const test of slowest.slice(0, SLOWEST)) print(`    - ${duration(test.duration)}: ${titleOf(test)}`);
    }
    for (const name of neverAsked) print(paint('red', `\n  ${EXPECT_VARIABLE} names \`${name}\`, and no test asked for it`));

    print(`\n  ${paint('green', `${passed} passing`)} ${paint('gray', `(${duration(tookMs)})`)}`);
    if (skipped > 0) print(`  ${paint('yellow', `${skipped} pending`)}`);
    if (failed > 0) print(`  ${paint('red', `${failed} failing`)}`);
    if (notRun > 0) print(`  ${paint('red', `${plural(notRun, 'test')} not run`)}: a hook failed, or the run was cut short`);
    print();

    const file = process.env[COUNTS_VARIABLE];
    if (file) {
      const counts = { passed, failed, skipped, notRun, tookMs, skips, neverAsked };
      writeFileSync(file, `${JSON.stringify({ ...counts, failures: failures.map(({ title }) => title) }, undefined, 2)}\n`);
    }
  }
}
