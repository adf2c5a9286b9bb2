import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as passed } from 'node:timers/promises';
import type { SelectorKey } from '@portcullis/core';
import { requireFeature, skipUnless } from '@portcullis/testkit';
import { compiled } from '../support/compile.js';
import { needAttacks } from '../support/features.js';
import { Stage } from '../support/stage.js';
import type { Said } from '../support/remote-attestor.js';

/**
 * What is not withstood: the kernel lets whoever looks at a process wait for as long as that process likes. These tests say
 * how far it goes. Newer kernels (seen in 7.3, not in 6.18) close a program's files before they lock others out.
 */
describe('T20: a peer that stops in the middle of an exec', () => {
  let stage: Stage;
  before(function () {
    needAttacks(this);
    requireFeature(this, 'fuse', existsSync('/dev/fuse'), 'there is no /dev/fuse');
  });
  beforeEach(async () => { stage = await Stage.open(); });
  afterEach(async () => { await stage.close(); });

  /** Whether the kernel makes whoever looks at this process wait, asked through a program that can be left waiting. */
  const makesOthersWait = (pid: number): boolean => spawnSync('/usr/bin/timeout', ['2', '/bin/cat', `/proc/${String(pid)}/auxv`]).status !== 0;

  /** An attestor in a process of its own, a peer that is held, and what the first says of the second. */
  async function held(keys: readonly SelectorKey[]) {
    const socketPath = stage.at('held');
    const attestor = stage.start(process.execPath, [join(import.meta.dirname, '../support/attestor-process.js'), socketPath, keys.join(',')]);
    await attestor.expect('ready');
    attestor.child.kill('SIGSTOP'); // so that it looks once the peer is held, not before
    const peer = stage.start(compiled('hold-exec'), [socketPath, compiled('puppet')]);
    const said = await peer.line();
    attestor.child.kill('SIGCONT');
    assert.equal(said, 'held');
    const answer = attestor.line().then((line) => JSON.parse(line) as Said);
    return { peer, answer };
  }

  it('T20: does not hold up what needs only the socket, the status or the cgroup', async () => {
    const { answer } = await held(['unix:uid', 'linux:live-uid', 'linux:cgroup', 'process:comm', 'linux:pin']);
    assert.equal((await answer).code, undefined);
  });

  for (const key of ['unix:path', 'linux:shared-ns', 'env:HOME'] as const) {
    it(`T20: holds up the whole gateway where \`${key}\` is wanted, until it goes on; then it is known by its new program`, async function () {
      const { peer, answer } = await held([key, 'unix:path']);
      skipUnless(this, makesOthersWait(peer.pid), 'this kernel lets others look at a process that stops there');
      assert.equal(await Promise.race([answer, passed(300, 'nothing')]), 'nothing');
      peer.child.stdin.end();
      const { evidence } = await answer;
      const path = evidence['unix:path'];
      assert.ok(path?.state !== 'present' || path.values[0] === compiled('puppet'), JSON.stringify(path));
    });
  }

  it('T20: holds up nobody where the kernel closes its files first: it is known by its old program', async function () {
    const { peer, answer } = await held(['unix:path']);
    skipUnless(this, !makesOthersWait(peer.pid), 'this kernel makes others wait');
    assert.deepEqual((await answer).evidence['unix:path'], { state: 'present', values: [compiled('hold-exec')], tier: 'image' });
  });
});
