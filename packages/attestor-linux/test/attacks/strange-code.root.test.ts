import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { requireFeature } from '@portcullis/testkit';
import { Attesting } from '../support/attesting.js';
import { compiled } from '../support/compile.js';
import { needAttacks, needUserNamespaces, SOMEBODY } from '../support/features.js';
import { Stage } from '../support/stage.js';

describe('T4: code that a peer made to look like something else', () => {
  let stage: Stage;
  before(function () { needAttacks(this); });
  beforeEach(async () => { stage = await Stage.open(); });
  afterEach(async () => { await stage.close(); });

  async function lookAt(...args: readonly string[]) {
    const attesting = new Attesting();
    stage.start(compiled('strange-code'), [stage.socketPath, ...args], { uid: SOMEBODY });
    try {
      return await attesting.look(await stage.accepted(), ['unix:path', 'unix:image']);
    } finally {
      await attesting.close();
    }
  }

  it('T4: a vDSO that was written over is code of the peer\'s own', async () => {
    const look = await lookAt('vdso');
    assert.deepEqual([look.value('unix:image'), look.tier('unix:path')], ['jit', 'image-unverified']);
  });

  it('T4: the vDSO of an honest peer lowers nothing', async () => {
    const look = await lookAt('none');
    assert.deepEqual([look.value('unix:image'), look.tier('unix:path')], ['verified', 'image']);
  });

  it('T20: a link under the name of a removed file is not followed, least of all to a FIFO of root', async () => {
    const folder = stage.at('user');
    spawnSync('/bin/mkdir', ['-m', '0755', folder]);
    chownSync(folder, SOMEBODY, SOMEBODY);
    const file = join(folder, 'm');
    writeFileSync(file, 'x'.repeat(4096));
    chownSync(file, SOMEBODY, SOMEBODY);
    const fifo = stage.at('fifo');
    assert.equal(spawnSync('/usr/bin/mkfifo', ['-m', '0644', fifo]).status, 0);
    // In a process of its own: broken, it would never answer again.
    const socketPath = stage.at('asked');
    const attestor = stage.start(process.execPath, [join(import.meta.dirname, '../support/attestor-process.js'), socketPath, 'unix:path,unix:image']);
    await attestor.expect('ready');
    stage.start(compiled('strange-code'), [socketPath, 'fifo', file, fifo], { uid: SOMEBODY });
    const { evidence } = JSON.parse(await attestor.line()) as { evidence: Record<string, { values?: unknown[] }> };
    assert.deepEqual(evidence['unix:image']?.values, ['foreign']);
  });

  it('T4: a FUSE server that shows one thing to who looks and another to who asks where it lies makes no code root\'s', async function () {
    requireFeature(this, 'fuse', existsSync('/dev/fuse'), 'there is no /dev/fuse');
    const attesting = new Attesting();
    stage.start(compiled('lying-fuse'), [stage.socketPath, String(SOMEBODY)]);
    try {
      const look = await attesting.look(await stage.accepted(), ['unix:path', 'unix:image']);
      assert.deepEqual([look.value('unix:path'), look.value('unix:image'), look.tier('unix:path')], [compiled('lying-fuse'), 'foreign', 'image-unverified']);
    } finally {
      await attesting.close();
    }
  });

  it('T4: code on an overlay over a FUSE of its user\'s own is not root\'s, though its name leads everybody there by a link of /proc', async function () {
    needUserNamespaces(this);
    requireFeature(this, 'fuse', existsSync('/dev/fuse'), 'there is no /dev/fuse');
    const attesting = new Attesting();
    const peer = stage.start(compiled('layered-code'), [stage.socketPath, String(SOMEBODY)]);
    const said = await peer.line();
    requireFeature(this, 'user-overlay', said === 'connected', `this kernel does not let it happen: ${said}`);
    try {
      const look = await attesting.look(await stage.accepted(), ['unix:path', 'unix:image']);
      assert.deepEqual([look.value('unix:path'), look.value('unix:image'), look.tier('unix:path')], [compiled('layered-code'), 'foreign', 'image-unverified']);
    } finally {
      await attesting.close();
    }
  });

  it('T20: more executable mappings than are looked at leave the program unknown', async () => {
    const look = await lookAt('many', '/bin/sh');
    assert.deepEqual([look.state('unix:image'), look.state('unix:path')], ['unknown limit', 'unknown limit']);
  });
});
