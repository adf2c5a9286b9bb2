import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { descriptors, needLinux, port, refusalOf, Scratch } from './scratch.js';
import type { Attempt } from './starved.js';

describe('safe listen: when something runs out', () => {
  let scratch: Scratch;
  before(function () { needLinux(this); });
  beforeEach(() => { scratch = new Scratch(); });
  afterEach(() => { scratch.remove(); });

  function starve(found: 'nothing' | 'stale'): readonly Attempt[] {
    const script = join(import.meta.dirname, 'starved.js');
    const arguments_ = ['-c', 'ulimit -n 256; exec "$0" "$@"', process.execPath, script, scratch.path, found];
    const run = spawnSync('/bin/sh', arguments_, { encoding: 'utf8', timeout: 30_000 });
    assert.equal(run.status, 0, run.stderr);
    return JSON.parse(run.stdout) as Attempt[];
  }

  for (const found of ['nothing', 'stale'] as const) {
    it(`fails with EMFILE, leaking neither descriptor nor name, wherever descriptors run out (${found} at the path)`, () => {
      const attempts = starve(found);
      assert.equal(attempts.at(-1)?.code, 'bound');
      assert.ok(attempts.length > 4);
      for (const { code, errno, leaked, left } of attempts) {
        assert.equal(leaked, 0);
        assert.deepEqual(left.filter((name) => name !== 's'), []);
        if (code !== 'bound') assert.equal(errno, 'EMFILE', code);
        if (found === 'nothing') assert.deepEqual(left, []);
      }
    });
  }

  it('leaks no descriptor over a hundred refusals of each kind', () => {
    const refused = [
      scratch.at('none', 's'), `${scratch.folder('w', 0o777)}/s`, '/tmp/portcullis-never', '/proc/portcullis', scratch.at(''),
    ];
    const taken = scratch.bind({ path: scratch.at('taken') });
    const before = descriptors();
    for (const path of [...refused, taken.path]) {
      for (let round = 0; round < 100; round += 1) refusalOf(() => port.bind({ path }));
    }
    assert.equal(descriptors(), before);
  });
});
