import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import type { SelectorKey } from '@portcullis/core';
import { requireFeature } from '@portcullis/testkit';
import type { Context } from 'mocha';
import { Attesting, type Look } from '../support/attesting.js';
import { compiled } from '../support/compile.js';
import { needAttacks, needUserNamespaces, SOMEBODY } from '../support/features.js';
import { layered } from '../support/layered.js';
import { Stage } from '../support/stage.js';

const KEYS: readonly SelectorKey[] = ['unix:path', 'unix:sha256', 'unix:image', 'unix:exe-state', 'linux:shared-ns', 'unix:uid'];
const FORMS = { own: 'from a user namespace of its own', helper: 'by a helper in one, while the connecting process never leaves ours' };

describe('T4: a forged exe link', () => {
  let stage: Stage;
  let attesting: Attesting;
  let allowed: string;
  before(function () { needAttacks(this); needUserNamespaces(this); });
  beforeEach(async () => {
    stage = await Stage.open();
    attesting = new Attesting();
    allowed = stage.install(compiled('puppet'), 'git');
  });
  afterEach(async () => {
    await attesting.close();
    await stage.close();
  });

  async function forge(ctx: Context, form: string, code: string, using = attesting): Promise<Look> {
    const forger = stage.start(compiled('forge-exe'), [stage.socketPath, allowed, form, code], { uid: SOMEBODY });
    const said = await forger.line();
    requireFeature(ctx, 'exe-forgery', said === 'ready', `this kernel does not let it happen: ${said}`);
    assert.equal(readlinkSync(`/proc/${String(forger.pid)}/exe`), allowed, 'the attack itself');
    return using.look(await stage.accepted(), KEYS);
  }

  it('T4: an honest peer of the same program is worth the tier `image`', async () => {
    const { socket } = await stage.connectedPuppet({ program: allowed, uid: SOMEBODY });
    const look = await attesting.look(socket, KEYS);
    assert.equal(look.value('unix:path'), allowed);
    assert.deepEqual([look.tier('unix:path'), look.tier('unix:sha256'), look.value('unix:image')], ['image', 'image', 'verified']);
  });

  for (const [form, how] of Object.entries(FORMS)) {
    it(`T4: ${how}: path and digest are unknown where the target is not mapped`, async function () {
      const look = await forge(this, form, 'anonymous');
      assert.deepEqual([look.state('unix:path'), look.state('unix:sha256')], ['unknown foreign-code', 'unknown foreign-code']);
      assert.equal(look.value('unix:image'), 'foreign');
    });

    it(`T4: ${how}: with the target mapped executable, path and digest are not worth the tier \`image\``, async function () {
      const look = await forge(this, form, 'mapped');
      assert.deepEqual([look.tier('unix:path'), look.tier('unix:sha256'), look.value('unix:image')], ['image-unverified', 'image-unverified', 'jit']);
    });

    it(`T4: ${how}: code in private copies of the target's own pages is seen, though the maps name nothing else`, async function () {
      const look = await forge(this, form, 'copied');
      assert.deepEqual([look.tier('unix:path'), look.tier('unix:sha256'), look.value('unix:image')], ['image-unverified', 'image-unverified', 'jit']);
    });

    it(`T4: ${how}: the text of the maps tells the same as the query`, async function () {
      const byText = new Attesting({ without: { procmapQuery: false } });
      try {
        for (const [code, image] of [['anonymous', 'foreign'], ['mapped', 'jit'], ['copied', 'jit']] as const) {
          assert.equal((await forge(this, form, code, byText)).value('unix:image'), image, code);
        }
      } finally {
        await byText.close();
      }
    });
  }

  it('T4: a program on an overlay over a FUSE of its user\'s own, which shows each reader another content, is unknown: a tier would be its word', async function () {
    const { peer } = await layered(this, stage, stage.socketPath);
    const [socket] = await Promise.all([stage.accepted(), peer.tell('connect')]);
    const look = await attesting.look(socket, KEYS);
    assert.deepEqual([look.state('unix:path'), look.state('unix:sha256'), look.state('unix:image'), look.state('unix:exe-state')], Array(4).fill('unknown foreign-code'));
    assert.equal(look.value('unix:uid'), SOMEBODY);
  });

  it('T4: one on an overlay that is mounted where we are, as a runtime does for a container, is looked at', async function () {
    const script = 'cd "$1" && mkdir upper work on && mount -t overlay none -o "lowerdir=$2,upperdir=upper,workdir=work" on';
    requireFeature(this, 'overlay', spawnSync('/bin/sh', ['-c', script, 'sh', stage.folder, dirname(compiled('puppet'))]).status === 0, 'no overlay can be mounted here');
    try {
      const peer = stage.start('/usr/bin/unshare', ['-m', '/bin/sh', '-c', 'mount --bind "$1" /mnt && exec /mnt/puppet "$2"', 'sh', stage.at('on'), stage.socketPath]);
      await peer.expect('ready');
      const [socket] = await Promise.all([stage.accepted(), peer.tell('connect')]);
      const look = await attesting.look(socket, KEYS);
      assert.deepEqual([look.value('unix:exe-state'), look.value('unix:image'), look.tier('unix:sha256')], ['elsewhere', 'verified', 'image']);
      await peer.kill();
    } finally {
      spawnSync('/bin/umount', ['-l', stage.at('on')]);
    }
  });

  it('T4: by a helper, every namespace is shared with the gateway: namespaces do not tell the forger', async function () {
    const look = await forge(this, 'helper', 'anonymous');
    assert.ok(look.values('linux:shared-ns').includes('user'));
    assert.equal(existsSync(allowed), true);
  });
});
