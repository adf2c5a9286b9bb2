import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { SelectorKey } from '@portcullis/core';
import { Attesting, type AttestingOptions, type Look } from '../support/attesting.js';
import { compiled } from '../support/compile.js';
import { Cgroups, enter, needCgroups, needCgroupsV1 } from '../support/cgroups.js';
import { needAttacks, needPidfdInfo, needProgram, SOMEBODY } from '../support/features.js';
import { interceptCalls } from '../support/intercept.js';
import type { PeerProcess } from '../support/peer-process.js';
import { Stage } from '../support/stage.js';

const KEYS: readonly SelectorKey[] = ['container:id', 'container:runtime', 'k8s:pod-uid'];
const SETPRIV = '/usr/bin/setpriv';
/** How long what was seen of folders serves. */
const LOOK_SERVES_MS = 1000;

describe('T7: a forged container', () => {
  let stage: Stage;
  let groups: Cgroups;
  let attestings: Attesting[];
  let id: string;
  let slice: string;
  before(function () {
    needAttacks(this);
    needProgram(this, SETPRIV);
    needCgroups(this);
  });
  beforeEach(async () => {
    stage = await Stage.open();
    groups = new Cgroups();
    attestings = [];
    id = randomBytes(32).toString('hex');
    slice = `portcullis${randomBytes(4).toString('hex')}.slice`;
  });
  afterEach(async () => {
    await Promise.all(attestings.map((attesting) => attesting.close()));
    await stage.close();
    groups.close();
  });

  /** A command as the unprivileged user, in that group; throws when it fails. */
  function asSomebody(script: string): void {
    const { status, stderr } = spawnSync(SETPRIV, ['--reuid', String(SOMEBODY), '--regid', String(SOMEBODY), '--clear-groups', '/bin/sh', '-c', script], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  }

  /** Gives a group to the user, as systemd's `Delegate=` does. */
  function delegate(folder: string, uid = SOMEBODY): string {
    for (const name of ['', '/cgroup.procs', '/cgroup.subtree_control', '/cgroup.threads']) chownSync(`${folder}${name}`, uid, uid);
    return folder;
  }

  async function look(puppet: PeerProcess, options: AttestingOptions = {}): Promise<Look> {
    const [socket] = await Promise.all([stage.accepted(), puppet.tell('connect')]);
    const attesting = new Attesting(options);
    attestings.push(attesting);
    return attesting.look(socket, [...KEYS, 'linux:cgroup', 'linux:pin']);
  }

  async function lookIn(folder: string, options: AttestingOptions & { readonly uid?: number } = {}): Promise<Look> {
    const puppet = await stage.puppet({ uid: options.uid ?? SOMEBODY });
    enter(folder, puppet.pid);
    return look(puppet, options);
  }

  function isUnanchored(found: Look): void {
    assert.deepEqual(KEYS.map((key) => found.state(key)), KEYS.map(() => 'unknown unanchored'));
    assert.equal(found.refused, undefined);
  }

  it('T7: below a group that was delegated to its maker is unknown, never a container and never none', async () => {
    const delegated = delegate(groups.make(`${slice}/delegated.service`));
    const puppet = await stage.puppet({ uid: SOMEBODY });
    enter(delegated, puppet.pid);
    const forged = groups.adopt(`${delegated}/docker-${id}.scope`);
    asSomebody(`mkdir ${forged} && echo ${String(puppet.pid)} > ${forged}/cgroup.procs`);
    assert.match(readFileSync(`/proc/${String(puppet.pid)}/cgroup`, 'utf8'), new RegExp(`docker-${id}\\.scope$`, 'm'));
    isUnanchored(await look(puppet));
  });

  it('T7: under a name that is a container\'s everywhere else, in a folder of its maker, is unknown', async () => {
    const delegated = delegate(groups.make(slice));
    const puppet = await stage.puppet({ uid: SOMEBODY });
    enter(delegated, puppet.pid);
    const forged = groups.adopt(`${delegated}/docker-${id}.scope`);
    asSomebody(`mkdir ${forged} && echo ${String(puppet.pid)} > ${forged}/cgroup.procs`);
    const found = await look(puppet);
    isUnanchored(found);
    const entry = found.entry('container:id');
    assert.ok(entry.state === 'unknown' && entry.detail?.includes(`${slice}\` is not root's alone`));
  });

  it('T7: as a Quadlet\'s payload below a service of its maker is unknown; below one of root\'s it is podman\'s', async () => {
    const service = groups.make(`${slice}/web.service`);
    const payload = groups.make(`${slice}/web.service/libpod-payload-${id}`);
    assert.deepEqual([(await lookIn(payload)).value('container:id')], [id]);
    delegate(service);
    await delay(LOOK_SERVES_MS);
    isUnanchored(await lookIn(payload));
  });

  it('T7: the same name that root made, below folders that root alone may write, is a container', async () => {
    const found = await lookIn(groups.make(`${slice}/docker-${id}.scope`));
    assert.deepEqual([found.value('container:id'), found.tier('container:id'), found.value('container:runtime'), found.state('k8s:pod-uid')], [id, 'derived', 'docker', 'absent']);
  });

  for (const [what, change] of Object.entries({
    'the folder above may be written by a group': (above: string) => { chmodSync(above, 0o775); },
    'the folder above may be written by everybody': (above: string) => { chmodSync(above, 0o757); },
    'the processes above may be moved by somebody else': (above: string) => { chownSync(`${above}/cgroup.procs`, SOMEBODY, 0); },
  })) {
    it(`T7: where ${what}, it is unknown`, async () => {
      const scope = groups.make(`${slice}/docker-${id}.scope`);
      change(scope.slice(0, scope.lastIndexOf('/')));
      isUnanchored(await lookIn(scope));
    });
  }

  it('T7: a container whose own folder is another user\'s, as under a user namespace, is one', async () => {
    const scope = delegate(groups.make(`${slice}/docker-${id}.scope`));
    const inner = groups.make(`${slice}/docker-${id}.scope/docker-${'b'.repeat(64)}.scope`);
    assert.equal((await lookIn(scope)).value('container:id'), id);
    assert.equal((await lookIn(inner)).value('container:id'), id);
  });

  it('T7: a folder that root gave away is seen after a second', async () => {
    const scope = groups.make(`${slice}/docker-${id}.scope`);
    assert.equal((await lookIn(scope)).value('container:id'), id);
    delegate(scope.slice(0, scope.lastIndexOf('/')));
    await delay(LOOK_SERVES_MS);
    isUnanchored(await lookIn(scope));
  });

  describe('beside another', () => {
    const OTHER = 'c'.repeat(64);

    async function moved(options: AttestingOptions = {}): Promise<Look> {
      const [one, two] = [groups.make(`${slice}/docker-${id}.scope`), groups.make(`${slice}/docker-${OTHER}.scope`)];
      const puppet = await stage.puppet({ uid: SOMEBODY });
      enter(one, puppet.pid);
      let moves = 0;
      const stop = interceptCalls((_count, name, args) => {
        const path = name === 'openat' ? Buffer.from(args[1] as Uint8Array).toString() : '';
        if (!path.endsWith(`/${String(puppet.pid)}/cgroup\0`)) return;
        moves += 1;
        enter(two, puppet.pid);
      });
      const found = await look(puppet, options).finally(stop);
      assert.equal(moves, 1);
      assert.equal((await look(puppet, options)).value('container:id'), OTHER);
      return found;
    }

    it('T7: a peer that is moved to another container while it is looked at is in neither', async function () {
      needPidfdInfo(this);
      isUnanchored(await moved());
    });

    it('T7: without PIDFD_GET_INFO, a peer that is moved while it is looked at is taken for where the text said', async () => {
      assert.equal((await moved({ without: { pidfdInfo: false, uniquePidfdInodes: false } })).value('container:id'), OTHER);
    });
  });

  it('T7: without PIDFD_GET_INFO the folders alone tell', async () => {
    const without = { pidfdInfo: false, uniquePidfdInodes: false };
    assert.equal((await lookIn(groups.make(`${slice}/docker-${id}.scope`), { without })).value('container:id'), id);
    delegate(groups.make(slice));
    await delay(LOOK_SERVES_MS);
    isUnanchored(await lookIn(groups.make(`${slice}/docker-${id}.scope`), { without }));
  });

  describe('in a version 1 hierarchy', () => {
    before(function () { needCgroupsV1(this); });

    it('T7: is a container where root alone can put processes in', async () => {
      assert.equal((await lookIn(groups.makeV1(`${slice}/docker-${id}.scope`))).value('container:id'), id);
    });

    it('T7: is unknown where its user can, though root owns every folder', async () => {
      const scope = groups.makeV1(`${slice}/docker-${id}.scope`);
      chownSync(`${scope}/cgroup.procs`, SOMEBODY, 0);
      const puppet = await stage.puppet({ uid: SOMEBODY });
      asSomebody(`echo ${String(puppet.pid)} > ${scope}/cgroup.procs`); // from outside of it: version 1 allows that
      isUnanchored(await look(puppet));
    });

    it('T7: is unknown where its user can enter a group below it', async () => {
      const below = groups.makeV1(`${slice}/docker-${id}.scope/below`);
      chownSync(`${below}/tasks`, SOMEBODY, 0);
      const puppet = await stage.puppet({ uid: SOMEBODY });
      asSomebody(`echo ${String(puppet.pid)} > ${below}/tasks`);
      isUnanchored(await look(puppet));
    });

    it('T7: below a folder of its maker is unknown', async () => {
      chownSync(groups.makeV1(slice), SOMEBODY, SOMEBODY);
      const forged = groups.adopt(`/sys/fs/cgroup/pids/${slice}/docker-${id}.scope`);
      const puppet = await stage.puppet({ uid: SOMEBODY });
      asSomebody(`mkdir ${forged} && echo ${String(puppet.pid)} > ${forged}/cgroup.procs`);
      isUnanchored(await look(puppet));
    });
  });

  it('T7: a process of the host is in none', async () => {
    const puppet = await stage.puppet({ uid: SOMEBODY });
    const found = await look(puppet);
    assert.deepEqual(KEYS.map((key) => found.state(key)), KEYS.map(() => 'absent'));
  });

  for (const [flag, name] of [['-m', 'mnt'], ['-n', 'net'], ['-p', 'pid'], ['-U', 'user']] as const) {
    it(`T7: a process with a ${name} namespace of its own may be in a container without a group: unknown, not absent`, async function () {
      needProgram(this, '/usr/bin/unshare');
      const puppet = stage.start('/usr/bin/unshare', [flag, ...(flag === '-p' ? ['-f', '--kill-child'] : []), compiled('puppet'), stage.socketPath]);
      await puppet.expect('ready');
      const found = await look(puppet);
      isUnanchored(found);
      const entry = found.entry('container:id');
      assert.ok(entry.state === 'unknown' && entry.detail?.endsWith(`namespaces: ${name}`));
      assert.equal(found.state('linux:cgroup'), 'present');
    });
  }

  it('T7: a gateway that does not know the host\'s namespaces knows of nobody that he is in no container', async () => {
    const puppet = await stage.puppet({ uid: SOMEBODY });
    isUnanchored(await look(puppet, { without: { hostNamespaces: undefined } }));
  });
});
