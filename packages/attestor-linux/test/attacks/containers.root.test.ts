import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import type { SelectorKey } from '@portcullis/core';
import { Podman, type ContainerCommand, type PodmanOptions } from '@portcullis/testkit';
import type { Attesting} from '../support/attesting.js';
import { type Look } from '../support/attesting.js';
import { needCgroups } from '../support/cgroups.js';
import { compiled } from '../support/compile.js';
import { needAttacks, needProgram } from '../support/features.js';
import { onStage } from '../support/on-stage.js';
import type { PeerProcess } from '../support/peer-process.js';
import type { Stage } from '../support/stage.js';

const KEYS: readonly SelectorKey[] = ['container:id', 'container:runtime', 'k8s:pod-uid', 'linux:cgroup', 'linux:shared-ns', 'container:exe-path', 'unix:uid'];
const FORGED = 'f00d'.repeat(16);
const UNSHARE = '/usr/bin/unshare';
/** `games`: a user of the base system, who has no more ids than their own. */
const ROOTLESS_UID = 5;

describe('peers in real containers', () => {
  let stage: Stage;
  let attesting: Attesting;
  before(function () {
    needAttacks(this);
    needCgroups(this);
  });
  onStage((...made) => { [stage, attesting] = made; });

  /** A puppet in a container, with the gate's folder at `/gate`. */
  async function start(podman: Podman, options: readonly string[] = [], program: readonly string[] = ['/puppet', '/gate/s']): Promise<{ readonly container: ContainerCommand; readonly puppet: PeerProcess }> {
    const container = podman.container('peer', program, ['-v', `${stage.folder}:/gate`, ...options]);
    const puppet = stage.start(container.command, container.args, { env: container.env });
    await puppet.expect('ready');
    return { container, puppet };
  }

  async function connect(puppet: PeerProcess): Promise<Look> {
    const [socket] = await Promise.all([stage.accepted(), puppet.tell('connect')]);
    return attesting.look(socket, KEYS);
  }

  /** One podman for the suite around: `open` runs a container to know whether it can. */
  function podmanOf(options: PodmanOptions = {}): () => Podman {
    let podman: Podman | undefined;
    before(function () {
      this.timeout(120_000);
      podman = Podman.open(this, options);
      podman.image('peer', { '/puppet': compiled('puppet') });
    });
    after(async () => { await podman?.close(); });
    return () => podman!;
  }

  function isUnanchored(look: Look): void {
    for (const key of ['container:id', 'container:runtime', 'k8s:pod-uid'] as const) assert.equal(look.state(key), 'unknown unanchored', key);
    assert.equal(look.refused, undefined);
  }

  describe('of podman, as root', () => {
    const podman = podmanOf();

    it('T7: a peer in a real container has all 64 digits of its id, at each connection', async () => {
      const { container, puppet } = await start(podman());
      for (const look of [await connect(puppet), await connect(puppet)]) {
        assert.deepEqual([look.value('container:id'), look.tier('container:id'), look.value('container:runtime')], [podman().idOf(container), 'derived', 'podman']);
        assert.deepEqual([look.value('container:exe-path'), look.state('k8s:pod-uid')], ['/puppet', 'absent']);
      }
    });

    it('T7: two containers of one image are two', async () => {
      const [one, two] = [await start(podman()), await start(podman())];
      const ids = [(await connect(one.puppet)).value('container:id'), (await connect(two.puppet)).value('container:id')];
      assert.deepEqual(ids, [podman().idOf(one.container), podman().idOf(two.container)]);
    });

    it('T7: a container that shares the namespaces of the host is known by its group', async () => {
      const { container, puppet } = await start(podman(), ['--pid=host', '--ipc=host', '--uts=host', '--cgroupns=host']);
      const look = await connect(puppet);
      assert.equal(look.value('container:id'), podman().idOf(container));
      assert.ok(look.values('linux:shared-ns').includes('pid'));
    });

    it('T7: a container with a user namespace is known by its group, and its root is not ours', async () => {
      const { container, puppet } = await start(podman(), ['--uidmap=0:100000:1000', '--gidmap=0:100000:1000']);
      const look = await connect(puppet);
      assert.deepEqual([look.value('container:id'), look.value('unix:uid')], [podman().idOf(container), 100_000]);
    });

    it('T8: a container that mounts another container\'s names over its own is still itself', async () => {
      const script = [
        `/bin/busybox mkdir -p /var/lib/docker/containers/${FORGED}`,
        `/bin/busybox mount -t tmpfs /docker/${FORGED} /var/lib/docker/containers/${FORGED}`,
        `echo 0::/system.slice/docker-${FORGED}.scope > /var/lib/docker/containers/${FORGED}/cgroup`,
        `/bin/busybox mount -o bind /var/lib/docker/containers/${FORGED}/cgroup /proc/self/cgroup`,
        '/bin/busybox mount -t tmpfs none /sys/fs/cgroup',
        'exec /puppet /gate/s',
      ].join('\n');
      const { container, puppet } = await start(podman(), ['--privileged'], ['/bin/sh', '-c', script]);
      const look = await connect(puppet);
      const pid = look.peer.credentials.pid;
      assert.ok(readFileSync(`/proc/${String(pid)}/mountinfo`, 'utf8').includes(FORGED));
      assert.equal(look.value('container:id'), podman().idOf(container));
    });

    it('answers on the socket of podman\'s API service what containers there are', async () => {
      const { container, puppet } = await start(podman());
      const socketPath = await podman().service();
      const listed = await new Promise<string>((resolve, reject) => {
        request({ socketPath, path: '/v1.41/containers/json' }, (answer) => {
          let text = '';
          answer.setEncoding('utf8').on('data', (piece: string) => { text += piece; }).on('end', () => { resolve(text); });
        }).on('error', reject).end();
      });
      const ids = (JSON.parse(listed) as readonly { readonly Id: string }[]).map(({ Id }) => Id);
      assert.deepEqual(ids, [(await connect(puppet)).value('container:id')]);
      assert.deepEqual(ids, [podman().idOf(container)]);
    });
  });

  describe('without a group of their own', () => {
    // crun alone can do without, and not beside version 1: it is shown version 2 alone.
    const alone = 'umount -R /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec "$0" "$@"';
    const podman = podmanOf({ runtime: 'crun', run: ['--cgroups=disabled'], through: [UNSHARE, '-m', '/bin/sh', '-c', alone] });

    it('T7: a container with `--cgroups=disabled` is not taken for a process of the host: its namespaces make it unknown', async () => {
      const { puppet } = await start(podman());
      const look = await connect(puppet);
      isUnanchored(look);
      const entry = look.entry('container:id');
      assert.ok(entry.state === 'unknown' && (entry.detail ?? '').endsWith("namespaces: pid, mnt, net"));
      assert.doesNotMatch(String(look.value('linux:cgroup')), /libpod/);
    });

    it('T7: one that shares what podman lets it share is unknown too', async () => {
      const { puppet } = await start(podman(), ['--network=host', '--ipc=host', '--uts=host']);
      const look = await connect(puppet);
      isUnanchored(look);
      const entry = look.entry('container:id');
      assert.ok(entry.state === 'unknown' && entry.detail?.endsWith('namespaces: pid, mnt'));
    });
  });

  describe('of podman, as a user', () => {
    before(function () { needProgram(this, '/usr/bin/setpriv'); });
    const podman = podmanOf({ uid: ROOTLESS_UID });

    it('T7: a rootless container is unknown: its user could make any other look like it', async () => {
      const { puppet } = await start(podman());
      const look = await connect(puppet);
      isUnanchored(look);
      assert.equal(look.value('unix:uid'), ROOTLESS_UID);
    });
  });

  it('T8: a process of a user that mounts a container\'s names in namespaces of its own is in no container for certain, and in none of that name', async function () {
    needProgram(this, UNSHARE);
    const script = `mount -t tmpfs /docker/containers/${FORGED} /mnt && mkdir /mnt/${FORGED} && mount -t tmpfs none /mnt/${FORGED} && exec "$0" "$@"`;
    const puppet = stage.start(UNSHARE, ['-U', '-r', '-m', '/bin/sh', '-c', script, compiled('puppet'), stage.socketPath], { uid: ROOTLESS_UID, env: { PATH: '/usr/bin:/bin' } });
    await puppet.expect('ready');
    const look = await connect(puppet);
    assert.ok(readFileSync(`/proc/${String(puppet.pid)}/mountinfo`, 'utf8').includes(FORGED));
    isUnanchored(look);
  });

  it('leaves nothing behind when its containers are not ended by themselves', async function () {
    this.timeout(120_000);
    const podman = Podman.open(this);
    podman.image('peer', { '/puppet': compiled('puppet') });
    const { container } = await start(podman);
    const conmon = podman.run('inspect', '--format', '{{.State.ConmonPid}} {{.State.Pid}}', container.name).split(' ');
    await podman.close();
    assert.equal(existsSync(podman.folder), false);
    assert.deepEqual(conmon.filter((pid) => existsSync(`/proc/${pid}/exe`)), []);
    assert.equal(spawnSync('/bin/grep', ['-q', podman.folder, '/proc/self/mountinfo']).status, 1);
  });
});
