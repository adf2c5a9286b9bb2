import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chownSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { skipUnless } from '@portcullis/testkit';
import type { Attesting, Look } from '../support/attesting.js';
import { compiled } from '../support/compile.js';
import { needAttacks, SOMEBODY } from '../support/features.js';
import { onStage } from '../support/on-stage.js';
import type { Stage } from '../support/stage.js';

const KEY = 'unix:sha256';

describe('T4: a program on a file system that is made of memory', () => {
  let stage: Stage;
  let attesting: Attesting;
  let program: string;
  const now = Date.now.bind(Date);
  before(function () { needAttacks(this); });
  afterEach(() => {
    Date.now = now;
    spawnSync('/bin/umount', ['-l', stage.at('memory')]);
  });
  onStage((...made) => { [stage, attesting] = made; });
  beforeEach(function () {
    mkdirSync(stage.at('memory'));
    skipUnless(this, spawnSync('/bin/mount', ['-t', 'tmpfs', '-o', 'mode=0755', 'portcullis', stage.at('memory')]).status === 0, 'no tmpfs can be mounted here');
    program = stage.install(compiled('puppet'), 'memory/git');
    Date.now = () => now() + 3_600_000; // else nothing so new would be kept
  });

  async function look(): Promise<Look> {
    const { puppet, socket } = await stage.connectedPuppet({ program, uid: SOMEBODY });
    const seen = await attesting.look(socket, [KEY, 'unix:image']);
    await puppet.kill();
    return seen;
  }

  it('T4, T17: is read for each connection, since its user writes it without a trace in its times, and is worth `image-unverified`', async () => {
    chownSync(program, SOMEBODY, SOMEBODY);
    const before = await look();
    assert.equal(before.value(KEY), digestOf(program));
    // Also while it runs: a page of it that is a buffer of io_uring stays writable, and no opened file tells.
    assert.deepEqual([before.value('unix:image'), before.tier(KEY)], ['foreign', 'image-unverified']);
    const { ctimeNs, mtimeNs } = statSync(program, { bigint: true });
    assert.equal(spawnSync(compiled('quiet-write'), [program], { uid: SOMEBODY, gid: SOMEBODY }).status, 0);
    const after = statSync(program, { bigint: true });
    assert.deepEqual([after.ctimeNs, after.mtimeNs], [ctimeNs, mtimeNs], 'the attack itself');
    const written = await look();
    assert.equal(written.value(KEY), digestOf(program));
    assert.notEqual(written.value(KEY), before.value(KEY));
  });

  it('is worth what another is where root alone can write it', async () => {
    for (const seen of [await look(), await look()]) assert.deepEqual([seen.value('unix:image'), seen.tier(KEY), seen.value(KEY)], ['verified', 'image', digestOf(program)]);
  });
});

function digestOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
