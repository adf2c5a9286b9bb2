import assert from 'node:assert/strict';
import { existsSync, readlinkSync } from 'node:fs';
import type { Socket } from 'node:net';
import { LinuxPeer, LinuxPeerSource } from '@portcullis/attestor-linux';
import { socketFd, type PeerCredentials, type SelectorKey } from '@portcullis/core';
import { closeFd } from '../../dist/ffi/file.js';
import { pinAgain, pinByPid } from '../../dist/pin.js';
import { getPeerCred } from '../../dist/ffi/sockopt.js';
import { SysFailure } from '../../dist/ffi/errno.js';
import { Attesting, connectionOf } from '../support/attesting.js';
import { compiled } from '../support/compile.js';
import { needAttacks, needPeerPidFd, SOMEBODY } from '../support/features.js';
import { countCalls, countImageCalls, interceptCalls } from '../support/intercept.js';
import { ALL_KEYS, CHEAP_KEYS, IMAGE_KEYS } from '../support/keys.js';
import type { PeerProcess } from '../support/peer-process.js';
import { killAndReap, recyclePid } from '../support/recycle.js';
import { Stage } from '../support/stage.js';

interface Kept {
  readonly puppet: PeerProcess;
  readonly socket: Socket;
  readonly pid: number;
}

describe('T1: a peer that dies, and its pid', () => {
  let stage: Stage;
  let attesting: Attesting;
  const recycled: number[] = [];
  before(function () { needAttacks(this); });
  beforeEach(async () => {
    stage = await Stage.open();
    attesting = new Attesting();
  });
  afterEach(async () => {
    for (const pid of recycled.splice(0)) process.kill(pid, 'SIGKILL');
    await attesting.close();
    await stage.close();
  });

  /** A connected puppet whose parent reaps it at once. */
  async function kept(uid = SOMEBODY): Promise<Kept> {
    const puppet = stage.start(compiled('keeper'), [compiled('puppet'), stage.socketPath], { uid });
    await puppet.expect('ready');
    const [socket] = await Promise.all([stage.accepted(), puppet.tell('connect')]);
    const cred = getPeerCred(socketFd(socket)!);
    if (cred instanceof SysFailure) assert.fail(cred.toString());
    return { puppet, socket, pid: cred.pid };
  }

  function recycle(pid: number, uid: number, gid = uid): void {
    killAndReap(pid);
    recyclePid(pid, uid, stage.at('git'), gid);
    recycled.push(pid);
  }

  function isAlive(pid: number): boolean {
    return existsSync(`/proc/${String(pid)}`);
  }

  it('T1: below Linux 6.5, neither a second pin nor a lease is of who got the pid afterwards', async () => {
    const capabilities = { ...attesting.source.capabilities, peerPidFd: false };
    const { socket, pid } = await kept();
    const peer = new LinuxPeerSource({ capabilities }).open(connectionOf(socket));
    assert.ok(peer instanceof LinuxPeer);
    assert.equal(typeof peer.pidfd(), 'number');
    const held = peer.hold({ image: false });
    peer.close();
    const credentials = { pid, uid: SOMEBODY, gid: SOMEBODY } as PeerCredentials;
    const pin = pinByPid(credentials);
    assert.ok('pidfd' in pin);
    recycle(pid, SOMEBODY);
    try {
      const again = pinAgain(pin, credentials);
      assert.deepEqual(['refused' in again && again.refused, held.verify()?.refused], ['peer-exited', 'peer-exited']);
    } finally {
      closeFd(pin.pidfd);
      held.close();
    }
  });

  it('T1: refuses a peer that exited before it was looked at', async () => {
    const { socket, pid } = await kept();
    killAndReap(pid);
    assert.equal((await attesting.look(socket, ['unix:path'])).refused, 'peer-exited');
  });

  it('T1: still knows what the kernel froze at connect of a peer that exited', async () => {
    const { socket, pid } = await kept();
    killAndReap(pid);
    const look = await attesting.look(socket, ['unix:uid', 'unix:supplementary_gid']);
    assert.deepEqual([look.value('unix:uid'), look.refused, look.peer.pin], [SOMEBODY, undefined, 'unpinned']);
  });

  it('T1: refuses a zombie, though the kernel still answers for it', async () => {
    const puppet = await stage.puppet();
    const [socket] = await Promise.all([stage.accepted(), puppet.tell('zombie')]);
    assert.equal((await attesting.look(socket, ['linux:live-uid'])).refused, 'peer-exited');
  });

  it('T1, T9: refuses a peer that exited while its child kept the socket', async () => {
    const { puppet, socket } = await stage.connectedPuppet();
    puppet.child.stdin.write('orphan\n');
    await puppet.exited;
    assert.equal(socket.destroyed, false);
    assert.equal((await attesting.look(socket, ['linux:live-uid'])).refused, 'peer-exited');
  });

  it('T1: refuses when the pid belongs to an allowed program of the same user by now', async function () {
    needPeerPidFd(this); // what the weaker pin does is below
    stage.install(compiled('puppet'), 'git');
    const { socket, pid } = await kept();
    recycle(pid, SOMEBODY);
    assert.equal(readlinkSync(`/proc/${String(pid)}/exe`), stage.at('git'), 'the attack itself');
    assert.equal((await attesting.look(socket, ['unix:path'])).refused, 'peer-exited');
  });

  it('T1: refuses a peer that dies before any of the calls that look at it', async () => {
    const first = await kept();
    const calls = await countCalls(() => attesting.look(first.socket, ALL_KEYS));
    assert.ok(calls > 20);
    await deadBeforeEach(calls, ALL_KEYS, SOMEBODY);
  });

  it('T1: refuses a peer of our own user that dies before any of the calls, those that look at its image among them', async () => {
    const first = await kept(0);
    await deadBeforeEach(await countImageCalls(first.pid, () => attesting.look(first.socket, IMAGE_KEYS)), IMAGE_KEYS, 0);
  });

  async function deadBeforeEach(calls: number, keys: readonly SelectorKey[], uid: number): Promise<void> {
    const refused = new Set<string | undefined>();
    for (let at = 1; at <= calls; at += 1) {
      const { puppet, socket, pid } = await kept(uid);
      const using = new Attesting();
      const stop = interceptCalls((count) => { if (count === at) killAndReap(pid); });
      const look = await using.look(socket, keys).finally(stop);
      assert.ok(look.refused !== undefined || isAlive(pid) || look.verify() !== undefined, `admitted, though it died before call ${String(at)}`);
      refused.add(look.refused);
      await using.close();
      await puppet.kill();
      socket.destroy();
    }
    assert.ok(refused.has('peer-exited'));
  }

  it('T1: refuses a peer whose pid is an allowed program\'s by the next call, whichever that is', async function () {
    needPeerPidFd(this);
    stage.install(compiled('puppet'), 'git');
    const first = await kept();
    await usedAgainBeforeEach(await countCalls(() => attesting.look(first.socket, CHEAP_KEYS)), CHEAP_KEYS, SOMEBODY);
  });

  it('T1: refuses a peer of our own user whose pid is an allowed program\'s by the next call, those that look at its image among them', async function () {
    needPeerPidFd(this);
    stage.install(compiled('puppet'), 'git');
    const first = await kept(0);
    await usedAgainBeforeEach(await countImageCalls(first.pid, () => attesting.look(first.socket, IMAGE_KEYS)), IMAGE_KEYS, 0);
  });

  async function usedAgainBeforeEach(calls: number, keys: readonly SelectorKey[], uid: number): Promise<void> {
    for (let at = 1; at < calls; at += 1) {
      const { puppet, socket, pid } = await kept(uid);
      const using = new Attesting();
      const stop = interceptCalls((count) => { if (count === at) recycle(pid, uid); });
      const look = await using.look(socket, keys).finally(stop);
      assert.ok(look.refused !== undefined || look.verify() !== undefined, `admitted, though its pid was used again before call ${String(at)}`);
      await using.close();
      await puppet.kill();
      socket.destroy();
    }
  }

  describe('T1: below Linux 6.5, with pidfd_open', () => {
    beforeEach(() => { attesting = new Attesting({ without: { peerPidFd: false } }); });

    it('T1: says that the pin is the weaker one', async () => {
      const { socket } = await kept();
      const look = await attesting.look(socket, ['linux:pin', 'unix:path']);
      assert.deepEqual([look.value('linux:pin'), look.peer.pin, look.value('unix:path')], ['pidfd-open', 'pidfd-open', compiled('puppet')]);
    });

    it('T1: refuses a pid that another user or group has by now', async () => {
      stage.install(compiled('puppet'), 'git');
      for (const [uid, gid] of [[SOMEBODY + 1, SOMEBODY], [SOMEBODY, SOMEBODY + 1]] as const) {
        const { socket, pid } = await kept();
        recycle(pid, uid, gid);
        assert.equal((await attesting.look(socket, ['unix:path'])).refused, 'pin-failed');
      }
    });

    it('T1: refuses a pid that nobody has, and a zombie\'s', async () => {
      const { socket, pid } = await kept();
      killAndReap(pid);
      assert.equal((await attesting.look(socket, ['unix:path'])).refused, 'peer-exited');
      const puppet = await stage.puppet();
      const [dead] = await Promise.all([stage.accepted(), puppet.tell('zombie')]);
      assert.equal((await attesting.look(dead, ['unix:path'])).refused, 'peer-exited');
    });

    it('T1: refuses a pid that is used again between two calls', async () => {
      stage.install(compiled('puppet'), 'git');
      const first = await kept();
      let calls = 0;
      let pinned = 0;
      const watch = interceptCalls((count, name) => {
        calls = count;
        if (name === 'syscall' && pinned === 0) pinned = count; // pidfd_open, after the first look at the start time
      });
      await attesting.look(first.socket, ['unix:path', 'linux:live-uid']).finally(watch);
      assert.ok(pinned > 0 && pinned < calls);
      // Until the first look at the start time nothing holds the process: that is what the weaker pin means.
      for (let at = pinned; at < calls; at += 1) {
        const { puppet, socket, pid } = await kept();
        const stop = interceptCalls((count) => { if (count === at) recycle(pid, SOMEBODY); });
        const look = await attesting.look(socket, ['unix:path', 'linux:live-uid']).finally(stop);
        assert.ok(look.refused !== undefined || look.verify() !== undefined, `admitted, though its pid was used again before call ${String(at)}`);
        await puppet.kill();
        socket.destroy();
      }
    });

    it('T1: does not catch a pid that the same user had reused before the first look: a policy that minds asks for `linux:pin`', async () => {
      stage.install(compiled('puppet'), 'git');
      const { socket, pid } = await kept();
      recycle(pid, SOMEBODY);
      const look = await attesting.look(socket, ['linux:pin', 'unix:path']);
      assert.deepEqual([look.refused, look.value('linux:pin'), look.value('unix:path')], [undefined, 'pidfd-open', stage.at('git')]);
    });
  });
});
