import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { admissionOf } from '@portcullis/core';
import { skipUnless } from '@portcullis/testkit';
import { O_PATH } from '../../dist/ffi/constants.js';
import { EMFILE, SysFailure } from '../../dist/ffi/errno.js';
import { closeFd, cPath, openRead } from '../../dist/ffi/file.js';
import { statFd } from '../../dist/ffi/statx.js';
import { strangeLayer } from '../../dist/image/strange-layer.js';
import { compiled } from '../support/compile.js';
import { injectFaults } from '../support/faults.js';
import { needAttacks } from '../support/features.js';
import { Leased, until } from '../support/leased.js';
import { Stage } from '../support/stage.js';

/** Escaped in the table, each space takes four bytes. */
const LONG = ' '.repeat(250);
const TABLE_BYTES = 1 << 20;

describe('the overlay that a program lies on, as a container\'s does', () => {
  let stage: Stage;
  let program: string;
  const mounted: string[] = [];
  /** Goes with the test, and what is mounted below. */
  const mount = (at: string, ...args: readonly string[]): boolean => {
    const done = spawnSync('/bin/mount', [...args, at]).status === 0;
    if (done) mounted.push(at);
    return done;
  };

  before(function () { needAttacks(this); });
  beforeEach(async function () {
    stage = await Stage.open();
    for (const name of ['disk', 'over']) mkdirSync(stage.at(name));
    skipUnless(this, mount(stage.at('disk'), '-t', 'tmpfs', 'portcullis'), 'no tmpfs can be mounted here');
    for (const name of ['lower', 'upper', 'work']) mkdirSync(stage.at(`disk/${name}`));
    const options = `lowerdir=${stage.at('disk/lower')},upperdir=${stage.at('disk/upper')},workdir=${stage.at('disk/work')}`;
    skipUnless(this, mount(stage.at('over'), '-t', 'overlay', '-o', options, 'portcullis'), 'no overlay can be mounted here');
    program = stage.install(compiled('puppet'), 'over/git');
  });
  afterEach(async () => {
    for (const at of mounted.splice(0).reverse()) spawnSync('/bin/umount', ['-l', at]);
    await stage.close();
  });

  it('T20: is found however long others made the table of mounts', () => {
    let folder = stage.at('disk');
    for (let depth = 0; depth < 3; depth += 1) mkdirSync((folder = `${folder}/${LONG}`));
    for (let bytes = 0; bytes < 2 * TABLE_BYTES; bytes += 3 * 4 * LONG.length) assert.equal(spawnSync('/bin/mount', ['-t', 'tmpfs', 'portcullis', folder]).status, 0);
    const exe = openRead(cPath(program), program, O_PATH);
    assert.ok(!(exe instanceof SysFailure));
    const identity = statFd(exe);
    assert.ok(!(identity instanceof SysFailure));
    assert.equal(strangeLayer(exe, identity), undefined);
    assert.equal(strangeLayer(exe, { ...identity, dev: identity.dev + 4000 })?.why, 'foreign-code');
    closeFd(exe);
  });

  it('T20: is not taken for another program\'s where the table cannot be read now', async () => {
    const leased = await Leased.start(stage, { keys: ['unix:image'], terms: { onExec: 'revoke' } });
    try {
      const elsewhere = `mount --bind ${stage.at('over')} /mnt && exec /mnt/git "$1"`;
      const puppet = stage.start('/usr/bin/unshare', ['-m', '/bin/sh', '-c', elsewhere, 'sh', leased.socketPath]);
      await puppet.expect('ready');
      await puppet.tell('connect');
      await until(() => leased.sockets.length === 1);
      const admission = admissionOf(leased.sockets[0]!);
      assert.equal(admission.reverify(), undefined);
      const stop = injectFaults(({ name, args }) => (name === 'openat' && Buffer.from(args[1] as Uint8Array).includes('mountinfo') ? { errno: EMFILE } : undefined));
      try {
        assert.equal(admission.reverify()?.refused, 'peer-unseen');
      } finally {
        stop();
      }
      assert.deepEqual([admission.reverify(), leased.revocations], [undefined, []]);
    } finally {
      await leased.close();
    }
  });
});
