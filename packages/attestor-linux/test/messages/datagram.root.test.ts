import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { Fd, Pid, Policy, SelectorKey } from '@portcullis/core';
import { allowUids, stubPolicy } from '@portcullis/core/testing';
import { SOCK_DGRAM, SOCK_SEQPACKET, SO_PASSRIGHTS } from '../../dist/ffi/constants.js';
import { ENOPROTOOPT } from '../../dist/ffi/errno.js';
import { pidfdOpen } from '../../dist/ffi/pidfd.js';
import { LinuxArrival } from '../../dist/messages/arrival.js';
import { MessagePeer } from '../../dist/messages/message-peer.js';
import { requireFeature } from '@portcullis/testkit';
import { LinuxAttestor, probeCapabilities } from '@portcullis/attestor-linux';
import { compiled } from '../support/compile.js';
import { openDescriptors } from '../support/descriptors.js';
import { needAttacks, needPidfdInfo, needProgram, needUserNamespaces, SOMEBODY } from '../support/features.js';
import { failOption } from '../support/intercept.js';
import { CLAIM, Descriptors, IN_ITS_OWN_NAMESPACES } from '../support/messages.js';
import { Receiving, type ReceivingOptions } from '../support/receiving.js';

const OTHER = SOMEBODY + 1;

/** Allows everybody, after it asked for these. */
function asking(...keys: readonly SelectorKey[]): Policy {
  return stubPolicy({ keys, allow: () => true });
}

describe('messages: datagrams', () => {
  let receiving: Receiving;
  const descriptors = new Descriptors();
  before(function () { needAttacks(this); needProgram(this, '/usr/bin/python3'); });
  afterEach(async () => {
    await receiving.close();
    descriptors.close();
  });

  const start = async (policy: Policy, options?: ReceivingOptions): Promise<Receiving> => (receiving = await Receiving.start(policy, options));

  it('attests every message by itself, and hands on none of a refused sender (I1)', async () => {
    await start(allowUids(SOMEBODY));
    for (const [uid, text] of [[SOMEBODY, 'one'], [OTHER, 'two'], [SOMEBODY, 'three'], [OTHER, 'four']] as const) receiving.run(`s.send(b"${text}")`, { uid });
    await receiving.settled(4);
    assert.deepEqual(receiving.texts, ['one', 'three']);
    assert.deepEqual(receiving.messages.map(({ admission }) => admission.peer?.uid), [SOMEBODY, SOMEBODY]);
    assert.deepEqual(receiving.refused.map(({ peer, decision }) => [peer?.uid, decision.cause]), [[OTHER, 'default'], [OTHER, 'default']]);
  });

  it('attests senders on one socket that two processes share', async () => {
    await start(allowUids(SOMEBODY));
    receiving.run(`
s.send(b"root")
if os.fork() == 0:
    os.setgid(${String(SOMEBODY)}); os.setuid(${String(SOMEBODY)}); s.send(b"child"); os._exit(0)
os.wait()`);
    await receiving.settled(2);
    assert.deepEqual([receiving.texts, receiving.refused[0]?.peer?.uid], [['child'], 0]);
  });

  it('knows the program, the groups and the pin of a sender that lives', async () => {
    await start(asking('unix:path', 'linux:pin', 'unix:supplementary_gid', 'unix:uid'));
    const python = realpathSync('/usr/bin/python3');
    receiving.start(`os.setgroups([27, 44]); os.setgid(${String(SOMEBODY)}); os.setuid(${String(SOMEBODY)})\ns.send(b"x")\ntime.sleep(60)`);
    await receiving.settled(1);
    const [message] = receiving.messages;
    const { evidence } = message?.admission ?? assert.fail(JSON.stringify(receiving.refused.map(({ decision }) => decision)));
    const value = (key: SelectorKey) => evidence.get(key);
    assert.deepEqual(value('unix:path'), { state: 'present', values: [python], tier: 'image' });
    assert.deepEqual(value('unix:uid'), { state: 'present', values: [SOMEBODY], tier: 'kernel-connect' });
    assert.deepEqual(value('unix:supplementary_gid'), { state: 'present', values: [27, 44], tier: 'kernel-live' });
    const pin = probeCapabilities().peerPidFd ? 'peer-pidfd' : 'pidfd-open'; // the weaker one says so
    assert.deepEqual([message?.admission.peer?.pin, value('linux:pin')], [pin, { state: 'present', values: [pin], tier: 'kernel-connect' }]);
  });

  it('T20: the groups of a sender that is in more than a thousand are unknown', async () => {
    await start(asking('unix:supplementary_gid', 'unix:supplementary_group', 'unix:uid'));
    receiving.start('os.setgroups(range(1025))\ns.send(b"x")\ntime.sleep(60)');
    await receiving.settled(1);
    const { evidence } = [...receiving.messages.map(({ admission }) => admission), ...receiving.refused][0] ?? assert.fail();
    const why = (key: SelectorKey) => { const entry = evidence.get(key); return entry?.state === 'unknown' ? entry.why : entry?.state; };
    assert.deepEqual([why('unix:supplementary_gid'), why('unix:supplementary_group'), why('unix:uid')], ['limit', 'limit', 'present']);
  });

  it('below Linux 6.5 says that the pin is the weaker one', async () => {
    await start(asking('unix:path'), { without: { peerPidFd: false } });
    receiving.start('s.send(b"x")\ntime.sleep(60)');
    await receiving.settled(1);
    assert.deepEqual([receiving.texts, receiving.messages[0]?.admission.peer?.pin], [['x'], 'pidfd-open']);
  });

  for (const without of [{}, { peerPidFd: false }]) {
    it(`T1: knows the user of a sender that exited right after sending, and refuses to tell its program${'peerPidFd' in without ? ', below Linux 6.5' : ''}`, async () => {
      await start(stubPolicy({ keys: ['unix:uid'], allow: () => true }), { without });
      receiving.run('s.send(b"gone")', { uid: SOMEBODY });
      await receiving.settled(1);
      assert.deepEqual([receiving.texts, receiving.messages[0]?.admission.peer?.uid], [['gone'], SOMEBODY]);
      await receiving.close();
      await start(asking('unix:path'), { without });
      receiving.run('s.send(b"gone")', { uid: SOMEBODY });
      await receiving.settled(1);
      assert.deepEqual([receiving.texts, receiving.reasons], [[], ['peer-exited']]);
    });
  }

  it('T10: a message that a set-uid helper writes for its caller is the caller\'s, and never counts as the helper\'s program', async () => {
    const say = (helper: string): string => `
os.setgid(${String(SOMEBODY)}); os.setuid(${String(SOMEBODY)})
import subprocess
subprocess.run([${JSON.stringify(helper)}, str(s.fileno()), 'as root?'], pass_fds=[s.fileno()], stdin=sys.stdin)`;
    // Root is allowed: what the helper writes is not root's.
    await start(allowUids(0));
    receiving.start(say(install('say', 0o4755)));
    await receiving.settled(1);
    assert.deepEqual([receiving.texts, receiving.refused[0]?.peer?.uid], [[], SOMEBODY]);
    await receiving.close();
    // The helper's program is allowed: its ids are not one, so it is nobody's.
    await start(stubPolicy({ keys: ['unix:path'], allow: (evidence) => evidence.get('unix:path')?.state === 'present' }));
    receiving.start(say(install('say', 0o4755)));
    await receiving.settled(1);
    assert.deepEqual([receiving.texts, receiving.reasons], [[], ['sender-set-id']]);
  });

  it('T10: a message in the name of another process counts by its ids, and never as that one\'s program, where its sender is no root of ours', async function () {
    needUserNamespaces(this);
    await start(allowUids(SOMEBODY));
    receiving.start(CLAIM, { uid: SOMEBODY }, IN_ITS_OWN_NAMESPACES);
    await receiving.settled(1);
    assert.deepEqual(receiving.texts, ['claimed']);
    await receiving.close();
    await start(asking('unix:path'));
    receiving.start(`${CLAIM}\nsys.stdin.readline()`, { uid: SOMEBODY }, IN_ITS_OWN_NAMESPACES);
    await receiving.settled(1);
    assert.deepEqual([receiving.texts, receiving.reasons], [[], ['sender-claimable']]);
  });

  it('T10: nor does what a set-gid sender writes count as its program', async () => {
    await start(asking('unix:path'));
    receiving.start(`
os.setgroups([]); os.setresgid(${String(SOMEBODY)}, ${String(SOMEBODY + 1)}, ${String(SOMEBODY + 1)}); os.setresuid(${String(SOMEBODY)}, ${String(SOMEBODY)}, ${String(SOMEBODY)})
s.send(b"x"); sys.stdin.readline()`);
    await receiving.settled(1);
    assert.deepEqual([receiving.texts, receiving.reasons], [[], ['sender-set-id']]);
  });

  it('T10: the same program without the set-uid bit is known', async () => {
    await start(asking('unix:path'));
    const helper = install('say', 0o755);
    receiving.start(`import subprocess\nsubprocess.run([${JSON.stringify(helper)}, str(s.fileno()), 'mine'], pass_fds=[s.fileno()], stdin=sys.stdin)`, { uid: SOMEBODY });
    await receiving.settled(1);
    assert.deepEqual(receiving.texts, ['mine']);
  });

  it('T10: another user\'s ids cannot be claimed without the right to become it', async () => {
    await start(allowUids(0, OTHER));
    const said = receiving.run(`
try: s.sendmsg([b"forged"], [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, struct.pack('iII', os.getpid(), 0, 0))])
except PermissionError: print("EPERM")
try: s.sendmsg([b"forged"], [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, struct.pack('iII', 1, os.getuid(), os.getgid()))])
except PermissionError: print("EPERM")
s.send(b"honest")`, { uid: SOMEBODY });
    await receiving.settled(1);
    assert.deepEqual([said, receiving.texts, receiving.refused[0]?.peer?.uid], ['EPERM\nEPERM\n', [], SOMEBODY]);
  });

  it('T15: refuses a message of this very process, unless it is told to take them', async () => {
    for (const self of ['refuse', 'allow'] as const) {
      await start(asking('unix:uid'), { self });
      descriptors.sendFrom(receiving.path);
      await receiving.settled(1);
      assert.deepEqual(receiving.reasons, self === 'refuse' ? ['self-connection'] : []);
      if (self === 'refuse') await receiving.close();
    }
  });

  it('refuses what was sent before senders had to be named, though the kernel shows a user', async () => {
    const path = '/tmp/portcullis-unnamed';
    spawnSync('/bin/rm', ['-f', path]);
    const fd = descriptors.bound(path, SOCK_DGRAM);
    chmodSync(path, 0o666);
    spawnSync('/usr/bin/python3', ['-c', `import socket\ns = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\ns.connect(${JSON.stringify(path)})\ns.send(b"early")`]);
    await start(asking('unix:uid'), { where: { fd, kind: 'datagram' } });
    await receiving.settled(1);
    // Linux names the sender of a datagram all the same, or nobody: never another one.
    assert.ok(receiving.texts.length === 1 ? receiving.messages[0]?.admission.peer?.uid === 0 : receiving.reasons[0] === 'pid-invisible', JSON.stringify(receiving.reasons));
    descriptors.forget(fd); // the receiver's to close
    spawnSync('/bin/rm', ['-f', path]);
  });

  describe('descriptors that come along', () => {
    const SENDS = 's.sendmsg([b"x"], [rights(253)])';

    it('are refused by the kernel where it can: the sender is told', async function () {
      await start(asking('unix:uid'));
      const before = openDescriptors();
      const said = receiving.run(`
try: ${SENDS}
except PermissionError: print("EPERM")
s.send(b"without")`);
      requireFeature(this, 'passrights', said !== '', 'SO_PASSRIGHTS needs Linux 6.16');
      await receiving.settled(1);
      assert.deepEqual([said, receiving.texts, openDescriptors()], ['EPERM\n', ['without'], before]);
    });

    for (const [title, policy, texts] of [
      ['an admitted', asking('unix:uid'), ['x', 'x']], ['a refused', allowUids(OTHER), []], ['a pinned', asking('linux:live-uid'), ['x', 'x']],
    ] as const) {
      it(`of ${title} sender are closed before anybody could use them, 253 at once`, async () => {
        const stop = failOption(SO_PASSRIGHTS, ENOPROTOOPT);
        await start(policy);
        stop();
        const sending = receiving.start(`sys.stdin.readline()\n${SENDS}\n${SENDS}\ntime.sleep(60)`);
        const before = openDescriptors();
        sending.child.stdin.write('send\n');
        await receiving.settled(2);
        assert.deepEqual([receiving.texts, openDescriptors()], [texts, before]);
        if (texts.length > 0) assert.equal(receiving.messages[0]?.closedDescriptors, 253);
      });
    }

    it('T20: are closed where only some could be installed, and the message is refused', async () => {
      const stop = failOption(SO_PASSRIGHTS, ENOPROTOOPT);
      await start(asking('unix:uid'));
      stop();
      const sending = receiving.start(`sys.stdin.readline()\n${SENDS}\nsys.stdin.readline()\ns.send(b"after")\ntime.sleep(60)`);
      const limiter = receiving.limiter();
      await limiter.tell('restore'); // it has begun
      const before = openDescriptors();
      receiving.receiver.pause();
      sending.child.stdin.write('send\n');
      await new Promise((resolve) => setTimeout(resolve, 300)); // queued meanwhile, or it comes later: both are tested
      await limiter.tell(String(before + 10));
      try {
        receiving.receiver.resume();
        await receiving.settled(1);
      } finally {
        await limiter.tell('restore');
      }
      assert.deepEqual([receiving.reasons, receiving.texts, openDescriptors()], [['control-truncated'], [], before]);
      sending.child.stdin.write('send\n');
      await receiving.settled(2);
      assert.deepEqual(receiving.texts, ['after']);
    });
  });

  it('a label that the message carried is its sender\'s; none is unknown where a module labels', () => {
    const capabilities = { ...probeCapabilities(), labelling: ['apparmor'] };
    const label = (bytes: Uint8Array | undefined) => {
      const control = { credentials: undefined, label: bytes, pidfd: undefined, rights: [], malformed: false };
      const peer = new MessagePeer(new LinuxArrival(new Uint8Array(), 0, control, undefined), { pid: 1, uid: 0, gid: 0 } as never, capabilities);
      const findings = new LinuxAttestor().attest(peer, new Set(['linux:apparmor-profile']));
      return findings instanceof Promise ? undefined : findings.get('linux:apparmor-profile');
    };
    assert.deepEqual(label(Buffer.from('/usr/bin/x (enforce)\0')), { state: 'present', values: ['/usr/bin/x'] });
    assert.equal(label(undefined)?.state, 'unknown');
  });

  it('T21: a sender whose SCM_PIDFD is of another process than SCM_CREDENTIALS names is refused', function () {
    needPidfdInfo(this);
    const capabilities = probeCapabilities();
    const pidfd = pidfdOpen(process.ppid as Pid) as Fd;
    const credentials = { pid: process.pid, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    const arrival = new LinuxArrival(new Uint8Array(), 0, { credentials: undefined, label: undefined, pidfd, rights: [], malformed: false }, undefined);
    const before = openDescriptors();
    const peer = new MessagePeer(arrival, credentials as never, capabilities);
    assert.equal(typeof peer.pidfd(), 'object');
    assert.equal(peer.verify()?.refused, 'pin-failed');
    peer.close();
    assert.equal(openDescriptors(), before - 1); // the pidfd is closed with it
  });

  it('a socket of another kind is not taken over', async () => {
    await start(asking('unix:uid'));
    for (const fd of [descriptors.pair(SOCK_SEQPACKET)[0], 0 as Fd]) {
      await assert.rejects(Receiving.start(asking('unix:uid'), { where: { fd, kind: 'datagram' } }), { code: 'LISTEN_NOT_A_LISTENER' });
    }
  });

  /** A copy of one of our programs, which may have the set-uid bit. */
  function install(name: string, mode: number): string {
    const made = join(receiving.folder, name);
    copyFileSync(compiled(name), made);
    chmodSync(made, mode);
    return made;
  }
});
