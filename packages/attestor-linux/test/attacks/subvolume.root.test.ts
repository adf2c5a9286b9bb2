import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, statSync } from 'node:fs';
import { requireFeature, skipUnless } from '@portcullis/testkit';
import type { Attesting, Look } from '../support/attesting.js';
import { compiled } from '../support/compile.js';
import { needAttacks, needProgram, SOMEBODY } from '../support/features.js';
import { onStage } from '../support/on-stage.js';
import type { Stage } from '../support/stage.js';

const SOCAT = '/usr/bin/socat';
const MKFS = '/usr/sbin/mkfs.btrfs';

/** Every subvolume counts its inodes from 257 on, and the maps show one device for all. Any user can make one in a folder of theirs. */
describe('T11: a library in a subvolume of its user\'s, with the inode number of the program', () => {
  let stage: Stage;
  let attesting: Attesting;
  before(function () { needAttacks(this); needProgram(this, SOCAT); requireFeature(this, 'btrfs', existsSync(MKFS), `${MKFS} is not there`); });
  afterEach(() => { spawnSync('/bin/umount', ['-l', stage.at('btrfs')]); });
  onStage((...made) => { [stage, attesting] = made; });

  it('T11: is not taken for the program', async function () {
    const script = 'cd "$0" && mkdir btrfs && truncate -s 128M image && mkfs.btrfs -q image && mount -o loop image btrfs && btrfs -q subvolume create btrfs/a && btrfs -q subvolume create btrfs/b';
    const { status, stderr } = spawnSync('/bin/sh', ['-c', script, stage.folder], { encoding: 'utf8', env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } });
    skipUnless(this, status === 0, `no btrfs can be mounted here: ${stderr}`);
    const [program, library] = [stage.at('btrfs/a/socat'), stage.at('btrfs/b/library.so')];
    copyFileSync(SOCAT, program);
    copyFileSync(compiled('preload', 'library'), library);
    spawnSync('/bin/chown', ['-R', String(SOMEBODY), stage.at('btrfs/b')]);
    assert.equal(statSync(program).ino, statSync(library).ino, 'the attack itself');
    const look = async (env: NodeJS.ProcessEnv): Promise<Look> => {
      stage.start(program, ['-u', `UNIX-CONNECT:${stage.socketPath}`, '-'], { uid: SOMEBODY, env });
      return attesting.look(await stage.accepted(), ['unix:path', 'unix:image']);
    };
    const honest = await look({});
    assert.deepEqual([honest.value('unix:path'), honest.value('unix:image')], [program, 'verified']);
    const preloaded = await look({ LD_PRELOAD: library });
    assert.deepEqual([preloaded.tier('unix:path'), preloaded.value('unix:image')], ['image-unverified', 'foreign']);
  });
});
