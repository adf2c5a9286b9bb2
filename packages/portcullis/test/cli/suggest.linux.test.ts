import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { requireFeature } from '@portcullis/testkit';
import { Folder, ME } from './support/folder.js';
import { portcullis, portcullisProcess } from './support/run.js';

describe('portcullis suggest', () => {
  before(function () { requireFeature(this, 'linux', process.platform === 'linux', 'needs Linux'); });

  it('proposes a rule for a live process that `check` takes, and says what it rests on', async () => {
    const folder = new Folder();
    const child = spawn('/bin/sleep', ['60'], { stdio: 'ignore' });
    try {
      await once(child, 'spawn');
      const { code, stdout, stderr } = await portcullisProcess(['suggest', '--pid', String(child.pid)]);
      assert.equal(code, 0, stderr);
      assert.match(stdout, /^# unix:path: \S*sleep\S* \[image\]$/m);
      assert.match(stdout, new RegExp(`^ {6}unix:uid: ${String(ME)}$`, 'm'));
      assert.match(stdout, /^ {6}unix:sha256: "[0-9a-f]{64}"$/m);
      assert.equal((await portcullis(['check', '--strict', folder.write('s.yaml', stdout)])).code, 0);
    } finally {
      child.kill('SIGKILL');
      folder.remove();
    }
  });

  it('proposes none for a process whose program nobody can vouch for, and says why', async () => {
    const { code, stdout, stderr } = await portcullis(['suggest', '--pid', String(process.pid)]);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /EVIDENCE_INVALID no rule can be proposed for this process: `unix:path` is worth image-unverified only/);
    assert.equal((await portcullis(['suggest', '--pid', '0'])).code, 2);
  });
});
