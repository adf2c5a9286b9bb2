import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync } from 'node:fs';
import type { SelectorKey } from '@portcullis/core';
import { requireFeature } from '@portcullis/testkit';
import { Attesting, type AttestingOptions, type Look } from '../support/attesting.js';
import { Cgroups, enter, needCgroups } from '../support/cgroups.js';
import { needAttacks, needProgram, SOMEBODY } from '../support/features.js';
import { Stage } from '../support/stage.js';

const KEY = 'cgroup-xattr:invocation_id' as const;
const INVOCATION = '0f1e2d3c4b5a69788796a5b4c3d2e1f0';
const PYTHON = '/usr/bin/python3';

describe('extended attributes of the group', () => {
  let stage: Stage;
  let groups: Cgroups;
  let attesting: Attesting;
  let slice: string;
  before(function () {
    needAttacks(this);
    needProgram(this, PYTHON);
    needCgroups(this);
  });
  beforeEach(async function () {
    stage = await Stage.open();
    groups = new Cgroups();
    attesting = new Attesting();
    slice = `portcullis${randomBytes(4).toString('hex')}.slice`;
    requireFeature(this, 'cgroup-xattr', set(groups.make(slice), 'user.try', '1'), 'this kernel has no user attributes on groups (5.7)');
  });
  afterEach(async () => {
    await attesting.close();
    await stage.close();
    groups.close();
  });

  /** `setxattr` by root or by that user; whether it was allowed. The value in hexadecimal where it is no text. */
  function set(folder: string, name: string, value: string | Buffer, uid = 0): boolean {
    const script = 'import os, sys; os.setxattr(sys.argv[1], sys.argv[2], bytes.fromhex(sys.argv[3]))';
    return spawnSync(PYTHON, ['-c', script, folder, name, Buffer.from(value).toString('hex')], { uid, gid: uid }).status === 0;
  }

  async function lookIn(folder: string, keys: readonly SelectorKey[] = [KEY], look = attesting): Promise<Look> {
    const { puppet, socket } = await stage.connectedPuppet({ uid: SOMEBODY });
    enter(folder, puppet.pid);
    return look.look(socket, keys);
  }

  it('are worth `derived` where only root can write them', async () => {
    const service = groups.make(`${slice}/web.service`);
    assert.ok(set(service, 'user.invocation_id', INVOCATION) && set(service, 'user.delegate', '1'));
    assert.equal(set(service, 'user.invocation_id', 'another', SOMEBODY), false);
    const look = await lookIn(service, [KEY, 'cgroup-xattr:delegate', 'cgroup-xattr:nothing']);
    assert.deepEqual([look.value(KEY), look.tier(KEY), look.value('cgroup-xattr:delegate')], [INVOCATION, 'derived', '1']);
    assert.deepEqual([look.state('cgroup-xattr:nothing'), look.tier('cgroup-xattr:nothing')], ['absent', 'derived']);
  });

  it('are worth `peer-asserted` where another user owns the group, whether they are there or not', async () => {
    const service = groups.make(`${slice}/web.service`);
    chownSync(service, SOMEBODY, SOMEBODY);
    assert.ok(set(service, 'user.invocation_id', 'forged', SOMEBODY));
    const look = await lookIn(service, [KEY, 'cgroup-xattr:nothing']);
    assert.deepEqual([look.value(KEY), look.tier(KEY), look.tier('cgroup-xattr:nothing')], ['forged', 'peer-asserted', 'peer-asserted']);
  });

  it('are worth `peer-asserted` in a container, whose root may be root', async () => {
    const scope = groups.make(`${slice}/docker-${'a'.repeat(64)}.scope`);
    assert.ok(set(scope, 'user.invocation_id', INVOCATION));
    const look = await lookIn(scope, [KEY, 'container:id']);
    assert.deepEqual([look.value('container:id'), look.value(KEY), look.tier(KEY)], ['a'.repeat(64), INVOCATION, 'peer-asserted']);
  });

  it('are those of the peer\'s own group, not of the one above', async () => {
    assert.ok(set(groups.make(`${slice}/web.service`), 'user.invocation_id', INVOCATION));
    assert.equal((await lookIn(groups.make(`${slice}/web.service/below`))).state(KEY), 'absent');
  });

  it('that are empty are absent; too long, not UTF-8 or with a NUL, unknown', async () => {
    const service = groups.make(`${slice}/web.service`);
    const said: string[] = [];
    for (const value of ['', 'x'.repeat(4096), 'x'.repeat(4097), Buffer.from([0xff]), 'a\0b']) {
      assert.ok(set(service, 'user.invocation_id', value));
      said.push((await lookIn(service)).state(KEY));
    }
    assert.deepEqual(said, ['absent', 'present', 'unknown limit', 'unknown undecodable', 'unknown undecodable']);
  });

  it('are unknown to a gateway in a cgroup namespace', async () => {
    const options: AttestingOptions = { without: { cgroupNamespaced: true } };
    const namespaced = new Attesting(options);
    const service = groups.make(`${slice}/web.service`);
    assert.ok(set(service, 'user.invocation_id', INVOCATION));
    assert.equal((await lookIn(service, [KEY], namespaced)).state(KEY), 'unknown unanchored');
    await namespaced.close();
  });
});
