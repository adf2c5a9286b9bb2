import assert from 'node:assert/strict';
import { requireFeature } from '@portcullis/testkit';
import { ALLOW_ME, Folder, policy } from './support/folder.js';
import { BIN, run, type Ran } from './support/run.js';

describe('portcullis, when a result cannot be written', function () {
  let folder: Folder;

  before(function () {
    folder = new Folder(); // first: it is removed after a skip too
    requireFeature(this, 'linux', process.platform === 'linux', 'needs Linux');
    folder.write('p.yaml', policy(ALLOW_ME));
    folder.write('e.json', '{"unix:uid": 1}');
  });
  after(() => { folder.remove(); });

  const shell = (redirected: string): Promise<Ran> => run('/bin/bash', ['-c', `set -o pipefail; "$0" ${redirected}`, process.execPath], { cwd: folder.path });

  for (const args of ['check --format json p.yaml', 'explain -p p.yaml -e e.json', 'inspect --self --json', 'doctor --json', '--help']) {
    it(`says so and exits 1: ${args}`, async () => {
      const { code, stderr } = await shell(`${BIN} ${args} > /dev/full`);
      assert.equal(code, 1);
      assert.match(stderr, /^portcullis: the result cannot be written: ENOSPC/m);
    });
  }

  it('says so when stdout is open for reading only', async () => {
    const { code, stderr } = await shell(`${BIN} check p.yaml 1< /dev/null`);
    assert.equal(code, 1);
    assert.match(stderr, /cannot be written: EBADF/);
  });

  it('is quiet when the reader had enough', async () => {
    assert.deepEqual(await shell(`${BIN} inspect --self --json | true`), { code: 0, stdout: '', stderr: '' });
  });
});
