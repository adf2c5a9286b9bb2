import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as testkit from '@portcullis/testkit';
import { expectedFeatures } from '@portcullis/testkit';

const root = join(import.meta.dirname, '../../..');
const mocha = join(dirname(createRequire(import.meta.url).resolve('mocha/package.json')), 'bin/mocha.js');
const reporter = join(root, 'scripts/mocha/reporter.mjs');

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly notRun: number;
  readonly skips: readonly { readonly title: string; readonly reason: string | null }[];
  readonly neverAsked: readonly string[];
}

/** Runs `body` as a test file of its own, under the repository's reporter. */
function run(body: string, env: NodeJS.ProcessEnv = {}): { status: number | null; output: string; counts: Counts } {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-testkit-'));
  try {
    const file = join(folder, 'sample.test.mjs');
    const counts = join(folder, 'counts.json');
    writeFileSync(file, `import { skip, skipUnless, requireFeature } from ${JSON.stringify(import.meta.resolve('@portcullis/testkit'))};\n${body}`);
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [mocha, '--no-config', '--reporter', reporter, file],
      {
        cwd: folder,
        encoding: 'utf8',
        env: { PATH: process.env['PATH'], HOME: folder, PORTCULLIS_COUNTS: counts, ...env },
      },
    );
    return { status, output: stdout + stderr, counts: JSON.parse(readFileSync(counts, 'utf8')) as Counts };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('testkit', () => {
  it('exports this and no more', () => {
    assert.deepEqual(Object.keys(testkit).sort(), [
      'Dice',
      'EXPECT_VARIABLE',
      'FUZZ_VARIABLE',
      'Podman',
      'SEED_VARIABLE',
      'SLOW_VARIABLE',
      'closedFolder',
      'expectedFeatures',
      'fuzzFactor',
      'fuzzMs',
      'fuzzSeed',
      'mebibytes',
      'requireFeature',
      'requireRoot',
      'skip',
      'skipUnless',
    ]);
  });

  it('fails a run that leaves something behind, and names it', () => {
    const left = run("describe('leaves', () => { it('a timer', () => { setInterval(() => {}, 100); }); });", { PORTCULLIS_LEAVE_MS: '1' });
    assert.deepEqual([left.status, left.counts.passed, left.counts.failed], [1, 1, 0]);
    assert.match(left.output, /- Timeout \(1\): 1 since `leaves`/);
    const server = run("describe('leaves', () => { it('a server', async () => { (await import('node:net')).createServer().listen(0, '127.0.0.1'); }); });", { PORTCULLIS_LEAVE_MS: '1' });
    assert.match(server.output, /- Server, \{"address":"127\.0\.0\.1".*\}, listening true/);
    assert.equal(run("it('leaves nothing', () => {});").status, 0);
  });

  it('reads the expected features from a comma list', () => {
    assert.deepEqual([...expectedFeatures({ PORTCULLIS_EXPECT: ' root, gcc,,' })], ['root', 'gcc']);
    assert.deepEqual([...expectedFeatures({})], []);
  });

  it('counts and names what was skipped, and why, from tests and from both kinds of hook', () => {
    const { status, counts, output } = run(`
      it('runs', function () { skipUnless(this, true, 'never said'); });
      it('in a test', function () { skip(this, 'one'); });
      it('in an async test', async function () { await null; skip(this, 'two'); });
      describe('all', () => {
        before(function () { requireFeature(this, 'moon', false, 'three'); });
        it('a', () => {});
        describe('nested', () => { it('b', () => {}); });
      });
      describe('each', () => {
        beforeEach(function () { skipUnless(this, false, 'four'); });
        it('c', () => {});
      });`);
    assert.equal(status, 0, output);
    assert.deepEqual(
      counts.skips.map((skip) => [skip.title, skip.reason]),
      [
        ['in a test', 'one'],
        ['in an async test', 'two'],
        ['all › a', 'moon: three'],
        ['all › nested › b', 'moon: three'],
        ['each › c', 'four'],
      ],
    );
    assert.deepEqual([counts.passed, counts.failed, counts.skipped], [1, 0, 5]);
    assert.ok(output.includes('moon: three'));
  });

  it('fails instead of skipping where the feature is expected', () => {
    const { status, counts } = run(
      `it('wants the moon', function () { requireFeature(this, 'moon', false, 'not risen'); });
       it('wants the sun', function () { requireFeature(this, 'sun', false, 'not risen'); });`,
      { PORTCULLIS_EXPECT: 'moon' },
    );
    assert.equal(status, 1);
    assert.deepEqual([counts.passed, counts.failed, counts.skipped], [0, 1, 1]);
  });

  it('names an expected feature that no test asked for', () => {
    const { counts } = run(`it('runs', () => {});`, { PORTCULLIS_EXPECT: 'mooon' });
    assert.deepEqual(counts.neverAsked, ['mooon']);
  });

  it('counts a failed hook as failed, and the tests that it kept from running as not run', () => {
    const { status, counts } = run(`
      describe('broken', () => {
        before(() => { throw new Error('no', { cause: new Error('because') }); });
        it('a', () => {});
        it('b', () => {});
      });`);
    assert.equal(status, 1);
    assert.deepEqual([counts.passed, counts.failed, counts.notRun], [0, 1, 2]);
  });

  it('prints a failure in full, with its chain of causes', () => {
    const { output } = run(`
      it('breaks', () => {
        throw new Error('outer', { cause: Object.assign(new Error('inner'), { code: 'ENOENT' }) });
      });`);
    assert.match(output, /Error: outer\n[\s\S]*because Error: inner\n[\s\S]*code: 'ENOENT'/);
  });
});

describe('so many MiB', () => {
  it('are fewer on a machine that is slower', () => {
    assert.deepEqual([testkit.mebibytes(3, {}), testkit.mebibytes(3, { [testkit.SLOW_VARIABLE]: '10' })], [3 * 2 ** 20, 314_573]);
  });
});
