import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { isRefusal, type Pid, type SelectorKey } from '@portcullis/core';
import { LinuxAttestor, openPid, probeCapabilities } from '@portcullis/attestor-linux';
import { SO_PEERGROUPS, SO_PEERPIDFD } from '../dist/ffi/constants.js';
import { EACCES, EINVAL, EMFILE, ENODATA, ENOENT, ENOPROTOOPT, ENOSYS, ENOTTY, EPERM, ERANGE, ESRCH, SysFailure } from '../dist/ffi/errno.js';
import { unknownOf } from '../dist/unknown-of.js';
import { requireFeature } from '@portcullis/testkit';
import { Attesting } from './support/attesting.js';
import { compiled } from './support/compile.js';
import { openDescriptors } from './support/descriptors.js';
import { needAttacks, needPeerPidFd, SOMEBODY } from './support/features.js';
import { answerOption, interceptCalls } from './support/intercept.js';
import { Stage } from './support/stage.js';

/** Longer than a user is left alone whose process held a look up. */
const PATIENCE_MS = 30_000;
const PROGRAM: readonly SelectorKey[] = ['unix:path', 'unix:image', 'unix:exe-state'];

describe('on older kernels', () => {
  let stage: Stage;
  before(function () { needAttacks(this); });
  beforeEach(async () => { stage = await Stage.open(); });
  afterEach(async () => { await stage.close(); });

  async function withOption(option: number, answer: number | Uint8Array, keys: readonly SelectorKey[]) {
    const attesting = new Attesting();
    const { socket } = await stage.connectedPuppet();
    const stop = answerOption(option, answer);
    try {
      return await attesting.look(socket, keys);
    } finally {
      stop();
      await attesting.close();
    }
  }

  it('the text of the maps gives the same answers as PROCMAP_QUERY for every process of this machine', async function () {
    const capabilities = probeCapabilities();
    requireFeature(this, 'procmap', capabilities.procmapQuery, 'PROCMAP_QUERY needs Linux 6.11');
    const byQuery = new LinuxAttestor();
    const byText = new LinuxAttestor();
    const puppet = await stage.puppet({ uid: SOMEBODY });
    const compared = new Set<number>();
    const notLookedAt: string[] = [];
    // Ours come first: these have to be compared.
    const others = readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name)).map(Number);
    const patience = performance.now() + PATIENCE_MS;
    for (const pid of new Set([puppet.pid, process.ppid, ...others])) {
      if (pid === process.pid) continue;
      const agreed = await agreement(pid);
      if (agreed === 'yes') compared.add(pid);
      else if (agreed !== 'gone') notLookedAt.push(`${String(pid)}: ${agreed}`);
    }
    await byQuery.close();
    await byText.close();
    const seen = `${String(compared.size)} compared, not looked at: ${notLookedAt.join('; ')}`;
    assert.ok(compared.has(puppet.pid) && compared.has(process.ppid) && compared.size > 3, seen);

    /** `yes`, `gone`, or why nobody could look. Fails where the answers differ. */
    async function agreement(pid: number): Promise<string> {
      let differed = 0;
      for (;;) {
        const answers = [answerOf(pid, byQuery, true), answerOf(pid, byText, false)] as const;
        const [{ keys: one }, { keys: other }] = answers;
        if (one !== undefined && one === other) return 'yes';
        if (answers.some(({ why }) => why === 'gone')) return 'gone';
        const why = answers.map((answer) => answer.why).find((some) => some !== undefined);
        if (why === undefined) {
          // A process may map something between the two looks: one agreement of three is one.
          differed += 1;
          assert.ok(differed < 3, `${String(pid)}: ${JSON.stringify(answers)}`);
        } else {
          // A busy machine can make a look late, and then nobody of that user is looked at for a while (T20): with us, all that root runs.
          if (performance.now() > patience) return why;
          await setTimeout(500);
        }
      }
    }

    /** What is known of the three keys, as text; or why nothing is. */
    function answerOf(pid: number, attestor: LinuxAttestor, procmapQuery: boolean): { readonly keys?: string; readonly why?: string } {
      const peer = openPid(pid as Pid, { ...capabilities, procmapQuery, uniquePidfdInodes: false });
      if (isRefusal(peer)) return { why: peer.refused === 'peer-exited' ? 'gone' : peer.detail };
      const findings = attestor.attest(peer, new Set(PROGRAM));
      const lost = peer.verify();
      peer.close();
      if (lost !== undefined) return { why: lost.refused === 'peer-exited' ? 'gone' : lost.detail };
      assert.ok(!(findings instanceof Promise), 'nothing here waits');
      const late = [...findings.values()].find((finding) => finding.state === 'unknown' && (finding.why === 'timeout' || finding.why === 'system-error'));
      if (late !== undefined) return { why: JSON.stringify(late) };
      return { keys: JSON.stringify([...findings].map(([key, finding]) => [key, { ...finding, detail: '' }])) };
    }
  });

  it('T2: without unique pidfd inodes nothing is kept between connections', async () => {
    const attesting = new Attesting({ without: { uniquePidfdInodes: false } });
    const { puppet, socket } = await stage.connectedPuppet();
    (await attesting.look(socket, PROGRAM)).close(); // below Linux 6.5, the thread that pins has descriptors of its own
    const before = openDescriptors();
    const looked: string[] = [];
    for (const connection of [socket, await again()]) {
      const stop = interceptCalls((_count, name, args) => { if (name === 'openat') looked.push(Buffer.from(args[1] as Uint8Array).toString('latin1')); });
      const look = await attesting.look(connection, PROGRAM).finally(stop);
      assert.equal(look.value('unix:path'), compiled('puppet'));
      look.close();
    }
    assert.equal(looked.filter((path) => path === `/proc/${String(puppet.pid)}/maps\0`).length, 2);
    assert.equal(openDescriptors(), before + 1); // the second connection
    await attesting.close();

    async function again() {
      const [second] = await Promise.all([stage.accepted(), puppet.tell('connect')]);
      return second;
    }
  });

  it('supplementary groups are unknown where SO_PEERGROUPS is not known', async () => {
    const keys: readonly SelectorKey[] = ['unix:supplementary_gid', 'unix:supplementary_group'];
    const look = await withOption(SO_PEERGROUPS, ENOPROTOOPT, keys);
    assert.deepEqual(keys.map((key) => look.state(key)), ['unknown kernel-unsupported', 'unknown kernel-unsupported']);
  });

  it('T21: a list of groups beyond the bound is unknown', async () => {
    assert.equal((await withOption(SO_PEERGROUPS, Buffer.alloc(1 << 20), ['unix:supplementary_gid'])).state('unix:supplementary_gid'), 'unknown limit');
  });

  for (const [errno, refused] of [[ESRCH, 'peer-exited'], [EINVAL, 'peer-exited'], [EMFILE, 'pin-failed'], [ENODATA, 'pin-failed']] as const) {
    it(`T1: refuses a peer that cannot be pinned, errno ${String(errno)}, and does not try again by pid`, async function () {
      needPeerPidFd(this);
      let opened = false;
      const stop = interceptCalls((_count, name) => { opened ||= name === 'syscall'; });
      const look = await withOption(SO_PEERPIDFD, errno, ['linux:live-uid', 'unix:path', 'linux:pin']).finally(stop);
      assert.equal(look.refused, refused);
      assert.match(look.state('unix:path'), /^unknown /);
    });
  }

  it('T20: refuses when no more descriptors can be had', async function () {
    needPeerPidFd(this);
    const attesting = new Attesting();
    const { socket } = await stage.connectedPuppet();
    const stop = answerOption(SO_PEERPIDFD, EMFILE);
    const look = await attesting.look(socket, ['unix:path']).finally(stop);
    assert.deepEqual([look.refused, look.state('unix:path')], ['pin-failed', 'unknown system-error']);
    assert.equal((await attesting.look(socket, ['unix:path'])).value('unix:path'), compiled('puppet'));
    await attesting.close();
  });

  it('what is known of a peer without PIDFD_GET_INFO is the same, kept or not', async () => {
    const attesting = new Attesting({ without: { pidfdInfo: false } });
    const { socket } = await stage.connectedPuppet({ uid: SOMEBODY });
    const look = await attesting.look(socket, [...PROGRAM, 'linux:live-uid']);
    assert.deepEqual([look.value('unix:path'), look.value('linux:live-uid'), look.verify()], [compiled('puppet'), SOMEBODY, undefined]);
    await attesting.close();
  });
});

describe('what a failed call means', () => {
  for (const [errno, why] of [
    [EACCES, 'permission'], [EPERM, 'permission'], [ESRCH, 'peer-exited'], [ENOENT, 'peer-exited'], [ENOPROTOOPT, 'kernel-unsupported'],
    [ENOTTY, 'kernel-unsupported'], [ENOSYS, 'kernel-unsupported'], [EINVAL, 'kernel-unsupported'], [ENODATA, 'socket-unsupported'],
    [ERANGE, 'limit'], [EMFILE, 'limit'], [71, 'system-error'], [0, 'system-error'],
  ] as const) {
    it(`I4: errno ${String(errno)} is unknown, ${why}`, () => {
      const { state, why: said, detail } = unknownOf(new SysFailure('call()', errno));
      assert.deepEqual([state, said], ['unknown', why]);
      assert.ok(detail?.startsWith('call(): '));
    });
  }
});
