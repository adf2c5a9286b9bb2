import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { skip } from '@portcullis/testkit';
import { COMPILED, EXPECTED, ROOTS } from './support/expected.js';
import { canMakeGroups, demoGroups, needCompiler, needReachable, needRoot, SOMEBODY } from './support/needs.js';
import { DemoRun, processesOf } from './support/run.js';

async function ran(run: DemoRun): Promise<string> {
  assert.equal(await run.end(), 0, run.text);
  return run.folder();
}

function without(...names: readonly string[]): Readonly<Record<string, string>> {
  return { ...EXPECTED, ...Object.fromEntries(names.map((name) => [name, 'skipped'])) };
}

describe('npm start -- --once', () => {
  it('shows root every peer, each decided as expected, and leaves nothing behind', async function () {
    needRoot(this);
    needCompiler(this);
    const before = demoGroups();
    const run = new DemoRun(['--once', '--json']);
    const folder = await ran(run);
    assert.deepEqual(run.outcomes(), canMakeGroups() ? EXPECTED : without('container', 'lookalike'));
    assert.ok(!existsSync(folder));
    assert.deepEqual(demoGroups(), before);
    assert.deepEqual(processesOf(folder), []);
  });

  it('lets no request of a refused peer through to the service (I1)', async function () {
    needRoot(this);
    const run = new DemoRun(['--once', '--json']);
    await ran(run);
    const admitted = Object.entries(run.outcomes()).filter(([, outcome]) => outcome.startsWith('allow')).map(([name]) => name);
    const { requests, connections } = await run.event(({ event }) => event === 'demo-result');
    assert.deepEqual(requests, Object.fromEntries(admitted.map((name) => [name, 1])));
    assert.equal(connections, admitted.length);
  });

  it('shows an unprivileged user what can be shown without root, and says why the rest is not', async function () {
    needRoot(this);
    needCompiler(this);
    needReachable(this);
    const run = new DemoRun(['--once', '--json'], { uid: SOMEBODY });
    const folder = await ran(run);
    const outcomes = run.outcomes();
    const forgers = outcomes['forged'] === 'skipped' ? ['forged', 'mapped'] : []; // no user namespaces for users here
    assert.deepEqual(outcomes, without(...ROOTS, ...forgers));
    for (const { event, why } of run.events) if (event === 'demo-skipped') assert.match(String(why), /\w/);
    assert.ok(!existsSync(folder));
  });

  it('runs no program that PATH alone leads to (I9)', async function () {
    needRoot(this);
    const trap = mkdtempSync('/tmp/portcullis-trap-');
    try {
      chmodSync(trap, 0o777);
      for (const name of ['curl', 'gcc', 'cc', 'clang', 'as', 'ld', 'collect2', 'cc1', 'node', 'strace', 'getent', 'sh', 'setpriv']) {
        writeFileSync(join(trap, name), `#!/bin/sh\necho "$0" >> ${trap}/sprung\n`, { mode: 0o755 });
      }
      const run = new DemoRun(['--once', '--json'], { env: { PATH: trap } });
      await ran(run);
      assert.ok(!readdirSync(trap).includes('sprung'));
    } finally {
      rmSync(trap, { recursive: true, force: true });
    }
  });

  for (const missing of [['curl'], ['curl', 'gcc', 'cc', 'strace']]) {
    it(`does without ${missing.join(', ')}`, async function () {
      needRoot(this);
      const run = new DemoRun(['--once', '--json'], { by: ['/usr/bin/unshare', '-m', '/bin/sh', '-c', withoutPrograms(missing), 'sh'] });
      if ((await run.end()) === 99) skip(this, 'no overlay file system can be mounted here');
      await ran(run);
      const outcomes = run.outcomes();
      const nothing = missing.includes('gcc');
      assert.equal(outcomes['honest'], 'allow rule');
      assert.equal(outcomes['copy'], 'deny default');
      assert.equal(outcomes['gone'], 'deny peer-lost');
      for (const name of COMPILED) assert.equal(outcomes[name] === 'skipped', nothing, name);
      assert.equal(run.text.includes('NOTE: The honest client is node'), nothing);
    });
  }
});

/** In a mount namespace of its own: an overlay on /usr/bin that lacks some programs. */
function withoutPrograms(names: readonly string[]): string {
  return [
    'mount -t tmpfs none /mnt && mkdir /mnt/upper /mnt/work || exit 99',
    'mount -t overlay none -o lowerdir=/usr/bin,upperdir=/mnt/upper,workdir=/mnt/work /usr/bin || exit 99',
    ...names.map((name) => `rm -f /usr/bin/${name}`),
    'exec "$@"',
  ].join('\n');
}
