import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import type { SelectorKey } from '@portcullis/core';
import { SO_PEERSEC } from '../../dist/ffi/constants.js';
import { ENOPROTOOPT, EOPNOTSUPP } from '../../dist/ffi/errno.js';
import { parseAppArmorLabel, parseSelinuxLabel } from '../../dist/proc/parse-label.js';
import { Attesting, type Look } from '../support/attesting.js';
import { needLinux } from '../support/features.js';
import { answerOption } from '../support/intercept.js';
import { Stage } from '../support/stage.js';

const APPARMOR: readonly SelectorKey[] = ['linux:label', 'linux:apparmor-profile', 'linux:apparmor-mode'];
const SELINUX: readonly SelectorKey[] = ['linux:label', 'linux:selinux-user', 'linux:selinux-role', 'linux:selinux-type', 'linux:selinux-level'];

describe('security labels', () => {
  describe('of AppArmor', () => {
    const fields = (label: string) => Object.fromEntries(parseAppArmorLabel(label) ?? [['none', 'none']]);
    const of = (profile: string, mode: string) => ({ 'linux:apparmor-profile': profile, 'linux:apparmor-mode': mode });

    it('are a profile and a mode, or unconfined', () => {
      assert.deepEqual(fields('/usr/sbin/cupsd (enforce)'), of('/usr/sbin/cupsd', 'enforce'));
      assert.deepEqual(fields('docker-default (complain)'), of('docker-default', 'complain'));
      assert.deepEqual(fields('unconfined'), { 'linux:apparmor-profile': 'unconfined' });
    });

    it('T21: keep what a hostile profile name says inside of the name: the mode is the last word', () => {
      assert.deepEqual(fields('evil (enforce) (complain)'), of('evil (enforce)', 'complain'));
      assert.deepEqual(fields('a b//&c (kill)'), of('a b//&c', 'kill'));
      assert.deepEqual(fields('x\n(enforce) (complain)'), of('x\n(enforce)', 'complain'));
    });

    it('T21: that have not this form are no label', () => {
      for (const label of ['', 'profile', 'profile (unheard-of)', ' (enforce)', 'profile (enforce) ', 'profile(enforce)', 'unconfined ', 'Unconfined', '(enforce)']) {
        assert.equal(parseAppArmorLabel(label), undefined, label);
      }
    });
  });

  describe('of SELinux', () => {
    const fields = (label: string) => [...(parseSelinuxLabel(label)?.values() ?? ['none'])];

    it('are user, role, type and perhaps a level, which may have colons', () => {
      assert.deepEqual(fields('system_u:system_r:container_t:s0:c1,c2'), ['system_u', 'system_r', 'container_t', 's0:c1,c2']);
      assert.deepEqual(fields('user_u:user_r:user_t'), ['user_u', 'user_r', 'user_t']);
      assert.deepEqual(fields('kernel'), []);
    });

    it('T21: that lack a field are no label', () => {
      for (const label of ['', 'a', 'a:b', '::', 'a::c', 'a:b:', ':b:c', 'a:b:c:']) assert.equal(parseSelinuxLabel(label), undefined, label);
    });
  });

  describe('as the kernel answers', () => {
    let stage: Stage;
    let client: Socket;
    let socket: Socket;
    before(function () { needLinux(this); });
    beforeEach(async () => {
      stage = await Stage.open();
      client = connect(stage.socketPath);
      socket = await stage.accepted();
    });
    afterEach(async () => {
      client.destroy();
      await stage.close();
    });

    async function look(labelling: readonly string[] | undefined, answer: number | Uint8Array, keys: readonly SelectorKey[]): Promise<Look> {
      const attesting = new Attesting({ self: 'allow', without: { labelling } });
      const stop = answerOption(SO_PEERSEC, answer);
      try {
        return await attesting.look(socket, keys);
      } finally {
        stop();
        await attesting.close();
      }
    }
    const states = (looked: Look, keys: readonly SelectorKey[]) => keys.map((key) => looked.state(key));

    it('are absent where no module labels, unknown where one does and does not answer', async () => {
      assert.deepEqual(states(await look([], ENOPROTOOPT, APPARMOR), APPARMOR), ['absent', 'absent', 'absent']);
      for (const modules of [['apparmor'], undefined]) {
        assert.deepEqual(states(await look(modules, ENOPROTOOPT, APPARMOR), APPARMOR), ['unknown kernel-unsupported', 'unknown kernel-unsupported', 'unknown kernel-unsupported']);
      }
      assert.equal((await look([], EOPNOTSUPP, APPARMOR)).state('linux:label'), 'unknown kernel-unsupported');
    });

    it('are the same with a NUL at their end and without', async () => {
      for (const end of ['', '\0']) {
        const looked = await look(['apparmor'], Buffer.from(`gatetest (enforce)${end}`), APPARMOR);
        assert.deepEqual(APPARMOR.map((key) => looked.value(key)), ['gatetest (enforce)', 'gatetest', 'enforce']);
      }
      const early = await look(['selinux'], Buffer.from('kernel\0'), SELINUX);
      assert.deepEqual(states(early, SELINUX), ['present', 'absent', 'absent', 'absent', 'absent']);
    });

    it('have no mode where the peer is unconfined', async () => {
      assert.deepEqual(states(await look(['apparmor'], Buffer.from('unconfined'), APPARMOR), APPARMOR), ['present', 'present', 'absent']);
    });

    it('have the fields of the module in the kernel\'s list, and none of another', async () => {
      const looked = await look(['selinux'], Buffer.from('u:r:t:s0\0'), [...SELINUX, 'linux:apparmor-profile']);
      assert.deepEqual([looked.value('linux:selinux-type'), looked.state('linux:apparmor-profile')], ['t', 'absent']);
    });

    it('T21: are unknown when they are not text, have a NUL inside, or are too long', async () => {
      for (const bytes of [Buffer.from([0xff, 0xfe]), Buffer.from('a\0b'), Buffer.from('\0'), Buffer.alloc(5000, 'a')]) {
        assert.deepEqual(states(await look(['apparmor'], bytes, APPARMOR), APPARMOR), ['unknown undecodable', 'unknown undecodable', 'unknown undecodable']);
      }
      assert.equal((await look(['apparmor'], Buffer.alloc(1 << 20, 'a'), APPARMOR)).state('linux:label'), 'unknown limit');
    });

    it('T21: of another form are shown whole, while their fields are unknown', async () => {
      assert.deepEqual(states(await look(['apparmor'], Buffer.from('profile (odd)'), APPARMOR), APPARMOR), ['present', 'unknown undecodable', 'unknown undecodable']);
      assert.deepEqual(states(await look(undefined, Buffer.from('profile (enforce)'), APPARMOR), APPARMOR), ['present', 'unknown undecodable', 'unknown undecodable']);
    });
  });
});
