import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import type { Context } from 'mocha';
import type { SelectorKey } from '@portcullis/core';
import { requireFeature } from '@portcullis/testkit';
import { Attesting } from '../support/attesting.js';
import { compiled } from '../support/compile.js';
import { needAttacks, needPeerPidFd, needProgram, needUserNamespaces, SOMEBODY } from '../support/features.js';
import { RemoteAttestor, stateIn, type RemoteOptions, type Said } from '../support/remote-attestor.js';
import { Stage } from '../support/stage.js';
import { TcpStage } from '../support/tcp-stage.js';

const SETPRIV = '/usr/bin/setpriv';
const UNSHARE = '/usr/bin/unshare';
const NOBODY = 65_534;

describe('where the gateway stands', () => {
  let stage: Stage;
  before(function () { needAttacks(this); });
  beforeEach(async () => { stage = await Stage.open(); });
  afterEach(async () => { await stage.close(); });

  describe('T13: a gateway in a child user and pid namespace', () => {
    const NESTED = [UNSHARE, '-U', '-r', '-p', '-f', '--mount-proc'];
    const KEYS: readonly SelectorKey[] = ['unix:uid', 'linux:pin', 'linux:live-uid', 'unix:path', 'linux:cgroup'];
    before(function () { needUserNamespaces(this); });

    it('T13: knows that its id maps are not the full identity', async () => {
      const nested = await RemoteAttestor.start(stage, KEYS, { through: NESTED });
      assert.equal((await nested.look()).fullIdMaps, false);
    });

    it('T13: refuses a peer whose ids are outside its map', async () => {
      const nested = await RemoteAttestor.start(stage, KEYS, { through: NESTED });
      const said = await nested.look({ uid: SOMEBODY });
      assert.deepEqual([said.code, said.credentials?.uid, said.credentials?.pid], ['credentials-overflow', NOBODY, 0]);
    });

    it('T13: a peer with a mapped id and no pid here is pinned all the same, and what /proc would tell is not visible', async function () {
      needPeerPidFd(this);
      const nested = await RemoteAttestor.start(stage, KEYS, { through: NESTED });
      const said = await nested.look();
      assert.deepEqual([said.code, said.credentials?.pid, said.pin, said.verify], [undefined, 0, 'peer-pidfd', undefined]);
      assert.deepEqual(KEYS.map((key) => stateIn(said, key)), ['present', 'present', 'unknown not-visible', 'unknown not-visible', 'unknown not-visible']);
    });

    it('T13: without a pidfd, a peer with no pid here is refused', async () => {
      const nested = await RemoteAttestor.start(stage, KEYS, { through: NESTED, without: { peerPidFd: false } });
      assert.equal((await nested.look()).code, 'pid-invisible');
    });
  });

  it('T13: does not begin where /proc is of another pid namespace, in which other processes have the numbers of its peers', function () {
    const probe = `import('${new URL('../../dist/index.js', import.meta.url).href}').then(({ probeCapabilities }) => probeCapabilities()).then(() => 'begins', ({ code, message }) => code + ' ' + message).then(console.log)`;
    const said = (...through: readonly string[]): string => {
      const { stdout, stderr } = spawnSync(UNSHARE, [...through, process.execPath, '-e', probe], { encoding: 'utf8' });
      return stdout || stderr;
    };
    assert.match(said('--pid', '--fork'), /^PLATFORM_PROBE `\/proc` is of another pid namespace than this process, which is 1 here and [0-9]+ there/);
    assert.equal(said('--pid', '--fork', '--mount-proc'), 'begins\n');
    assert.match(said('--mount', 'sh', '-c', 'mount -t tmpfs none /proc && exec "$@"', 'sh'), /^PLATFORM_PROBE `\/proc\/self\/status` cannot be read/);
  });

  it('T13: refuses a loopback client whose uid stands for every user outside of our id map', async () => {
    const tcp = await TcpStage.open();
    const attesting = new Attesting({ transport: 'tcp', without: { fullIdMaps: false, overflowUid: NOBODY } });
    try {
      const { socket } = await tcp.connected({ uid: NOBODY });
      assert.equal((await attesting.look(tcp.connection(socket), ['unix:uid'])).refused, 'credentials-overflow');
    } finally {
      await attesting.close();
      await tcp.close();
    }
  });

  it('T13: on a host whose id maps are the identity, 65534 is a user like any other', async () => {
    const attesting = new Attesting();
    const { socket } = await stage.connectedPuppet({ uid: NOBODY });
    const look = await attesting.look(socket, ['unix:uid']);
    assert.deepEqual([attesting.source.capabilities.fullIdMaps, look.refused, look.value('unix:uid')], [true, undefined, NOBODY]);
    await attesting.close();
  });

  it('T13: a root of a child namespace is the user that it is here', async function () {
    needUserNamespaces(this);
    const attesting = new Attesting();
    const puppet = stage.start(UNSHARE, ['-U', '-r', compiled('puppet'), stage.socketPath], { uid: SOMEBODY });
    await puppet.expect('ready');
    const [socket] = await Promise.all([stage.accepted(), puppet.tell('connect')]);
    const look = await attesting.look(socket, ['unix:uid', 'linux:live-uid', 'linux:shared-ns', 'linux:cap-effective']);
    assert.deepEqual([look.value('unix:uid'), look.value('linux:live-uid')], [SOMEBODY, SOMEBODY]);
    assert.equal(look.values('linux:shared-ns').includes('user'), false);
    // All capabilities, in a namespace of its own: which is why they count beside `linux:shared-ns` only.
    assert.ok(look.values('linux:cap-effective').includes('cap_sys_admin'));
    await attesting.close();
  });

  describe('T16: what an unprivileged gateway may not look at', () => {
    const KEYS: readonly SelectorKey[] = [
      'unix:uid', 'unix:path', 'unix:image', 'unix:sha256', 'linux:mnt-ns', 'linux:shared-ns', 'env:HOME',
      'linux:live-uid', 'linux:cgroup', 'process:comm', 'process:arg', 'linux:tracer', 'linux:pin',
    ];
    const HIDDEN = KEYS.slice(1, 7);
    const READABLE = KEYS.slice(7);

    function isHidden(said: Said): void {
      assert.deepEqual(HIDDEN.map((key) => [key, stateIn(said, key)]), HIDDEN.map((key) => [key, 'unknown permission']));
      for (const key of READABLE) assert.equal(stateIn(said, key).startsWith('unknown'), false, key);
      assert.equal(said.verify, undefined);
    }

    it('T16: a peer of its own user that is not dumpable: program, namespaces and environment are unknown, the rest is there', async () => {
      const remote = await RemoteAttestor.start(stage, KEYS, { uid: SOMEBODY });
      isHidden(await remote.look({ uid: SOMEBODY, before: ['dumpable 0'] }));
    });

    it('T16: a set-uid program, whoever started it', async () => {
      const program = stage.install(compiled('puppet'), 'setuid');
      chmodSync(program, 0o4755);
      const remote = await RemoteAttestor.start(stage, KEYS, { uid: SOMEBODY });
      const said = await remote.look({ uid: SOMEBODY, program });
      isHidden(said);
      assert.deepEqual([said.credentials?.uid, said.evidence['linux:live-uid']], [0, { state: 'present', values: [0], tier: 'kernel-live' }]);
    });

    it('T16: another user\'s process', async () => {
      const remote = await RemoteAttestor.start(stage, KEYS, { uid: SOMEBODY });
      isHidden(await remote.look({ uid: SOMEBODY + 1 }));
    });

    it('T16: its own user\'s plain process is no secret', async () => {
      const remote = await RemoteAttestor.start(stage, KEYS, { uid: SOMEBODY });
      const said = await remote.look({ uid: SOMEBODY, env: { HOME: '/nowhere' } });
      assert.deepEqual(KEYS.map((key) => stateIn(said, key)).filter((state) => state.startsWith('unknown')), []);
    });

    describe('hidden', () => {
      /** What an attestor says that sees no process of others. */
      async function blind(ctx: Context, options: RemoteOptions = {}): Promise<Said> {
        needProgram(ctx, SETPRIV);
        const somebody = String(SOMEBODY);
        const script = `mount -t proc -o hidepid=2 proc /proc && exec ${SETPRIV} --reuid ${somebody} --regid ${somebody} --clear-groups "$0" "$@"`;
        const remote = await RemoteAttestor.start(stage, KEYS, { ...options, through: [UNSHARE, '-m', '/bin/sh', '-c', script], env: { PATH: '/usr/bin:/bin' } }).catch(() => undefined);
        requireFeature(ctx, 'hidepid', remote !== undefined, 'a proc of its own cannot be mounted here');
        return remote.look({ uid: SOMEBODY + 1 });
      }

      it('T16: under hidepid, another user\'s process is hidden, not gone: everything below /proc is unknown for want of permission', async function () {
        needPeerPidFd(this); // what the weaker pin does is below
        const said = await blind(this);
        assert.equal(said.hidepid, true);
        assert.deepEqual([said.code, said.pin, said.verify], [undefined, 'peer-pidfd', undefined]);
        const below = KEYS.filter((key) => key !== 'unix:uid' && key !== 'linux:pin');
        assert.deepEqual(below.map((key) => [key, stateIn(said, key)]), below.map((key) => [key, 'unknown permission']));
      });

      it('T1, T16: under hidepid, below Linux 6.5, another user\'s process cannot be pinned, and is refused: its start time is hidden', async function () {
        const said = await blind(this, { without: { peerPidFd: false } });
        assert.deepEqual([said.hidepid, said.code, said.pin, stateIn(said, 'linux:pin')], [true, 'pin-failed', 'unpinned', 'unknown system-error']);
      });
    });
  });
});
