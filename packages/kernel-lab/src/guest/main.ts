// The first program of a guest: does the job, and says on the second serial line what it saw.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { JOB_FILE, REPORT_DEVICE, USER_ID, WHO, type Counts, type Job, type Said, type Who } from '../job.js';
import { enableVerity } from '../../../attestor-linux/dist-test/support/verity.js';
import { enterGroup, leaveGroup } from './group.js';
import { loadPolicy } from './labels.js';

const ROOT = join(import.meta.dirname, '../../../..');
const MOCHA = join(ROOT, 'node_modules/mocha/bin/mocha.js');
const REPORTER = join(ROOT, 'scripts/mocha/reporter.mjs');
const TESTS = 'packages/attestor-linux/dist-test';
/** Of a processor that is emulated; nothing is measured here. */
const TEST_LIMIT_MS = 240_000;
/** OpenSSL without SSSE3 (bit 41, OPENSSL_ia32cap(3)): by emulated vectors a digest takes 1.4 times as long as by plain words. */
const CHEAP_DIGESTS = '~0x20000000000';

function say(said: Said): void {
  writeFileSync(REPORT_DEVICE, `${JSON.stringify(said)}\n`);
}

/** A node program as that user, with an environment of its own. */
function node(who: Who, args: readonly string[], env: NodeJS.ProcessEnv, capture: boolean): { readonly stdout: string; readonly status: number | null } {
  const ids = who === 'root' ? {} : { uid: USER_ID, gid: USER_ID };
  const { stdout, status, error } = spawnSync(process.execPath, args, {
    ...ids, cwd: ROOT, encoding: 'utf8', env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/tmp', PORTCULLIS_PEERS: '/lab/peers', PORTCULLIS_VERITY: '/verity', NO_COLOR: '1', PORTCULLIS_SLOW: '10', OPENSSL_ia32cap: CHEAP_DIGESTS, ...env },
    stdio: ['ignore', capture ? 'pipe' : 'inherit', 'inherit'],
  });
  if (error !== undefined) throw error;
  return { stdout, status };
}

function look(who: Who, module: string): void {
  const { stdout, status } = node(who, [join(import.meta.dirname, 'look.js'), module], {}, true);
  for (const line of stdout.split('\n')) {
    const [, feature, value] = /^(\S+) (.*)$/.exec(line) ?? [];
    if (feature !== undefined && value !== undefined) say({ who, feature, value });
  }
  if (status !== 0) say({ failed: `the look at the features as ${who} ended with exit code ${String(status)}` });
}

/** What a part came to is said at once: a guest that is stopped later has not run it for nothing. */
function runPart(who: Who, part: string, features: readonly string[]): void {
  const countsFile = `/tmp/counts.${who}.json`;
  rmSync(countsFile, { force: true }); // of the part before
  const files = existsSync(join(ROOT, TESTS, part)) ? `${TESTS}/${part}/**/*.test.js` : `${TESTS}/${part}.*test.js`;
  const expected = who === 'root' ? features.join(',') : ''; // a user may not do what most of them need
  node(who, [MOCHA, '--no-config', '--require', 'source-map-support/register', '--timeout', String(TEST_LIMIT_MS), '--reporter', REPORTER, files], { PORTCULLIS_COUNTS: countsFile, PORTCULLIS_EXPECT: expected }, false);
  try {
    say({ who, part, counts: JSON.parse(readFileSync(countsFile, 'utf8')) as Counts });
  } catch (error) {
    say({ failed: `the tests of ${part} as ${who} left no counts: ${String(error)}` });
  }
}

const job = JSON.parse(readFileSync(JOB_FILE, 'utf8')) as Job;
try {
  say({ kernel: release() });
  loadPolicy(job.module);
  enableVerity('/verity/sealed');
  enterGroup();
  for (const who of WHO) look(who, job.module);
  leaveGroup();
  for (const who of job.who) for (const part of job.parts) runPart(who, part, job.features);
  say({ done: true });
} catch (error) {
  say({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) });
}
