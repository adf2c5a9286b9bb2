import assert from 'node:assert/strict';
import { readFileSync, readlinkSync, statSync } from 'node:fs';
import type { SelectorKey } from '@portcullis/core';
import { LinuxAttestor, NAMESPACES } from '@portcullis/attestor-linux';
import type { Attesting } from '../support/attesting.js';
import { SO_PEERGROUPS } from '../../dist/ffi/constants.js';
import { compiled } from '../support/compile.js';
import { needAttacks, needProgram, SOMEBODY } from '../support/features.js';
import { interceptCalls } from '../support/intercept.js';
import { onStage } from '../support/on-stage.js';
import type { Stage } from '../support/stage.js';

const SETPRIV = '/usr/bin/setpriv';
const PYTHON = '/usr/bin/python3';

describe('the identity of a peer', () => {
  let stage: Stage;
  let attesting: Attesting;
  before(function () { needAttacks(this); });
  onStage((...made) => { [stage, attesting] = made; });

  /** A puppet that setpriv starts, and its socket. */
  async function through(args: readonly string[], program = compiled('puppet')) {
    const puppet = stage.start(SETPRIV, [...args, program, stage.socketPath]);
    await puppet.expect('ready');
    const [socket] = await Promise.all([stage.accepted(), puppet.tell('connect')]);
    return { puppet, socket };
  }

  it('is the effective user and group at connect', async () => {
    const puppet = await stage.puppet();
    await puppet.tell(`seteuid ${String(SOMEBODY)}`);
    const [socket] = await Promise.all([stage.accepted(), puppet.tell('connect')]);
    const keys: readonly SelectorKey[] = ['unix:uid', 'unix:gid', 'linux:live-uid', 'linux:live-gid'];
    const look = await attesting.look(socket, keys);
    assert.deepEqual(keys.map((key) => look.value(key)), [SOMEBODY, 0, SOMEBODY, 0]);
  });

  it('stays what it was at connect when the peer becomes another user, while `linux:live-uid` follows', async () => {
    const { puppet, socket } = await stage.connectedPuppet();
    await puppet.tell(`seteuid ${String(SOMEBODY)}`);
    const look = await attesting.look(socket, ['unix:uid', 'linux:live-uid']);
    assert.deepEqual([look.value('unix:uid'), look.value('linux:live-uid')], [0, SOMEBODY]);
  });

  it('tells whether the user is the gateway\'s own', async () => {
    const same = await stage.connectedPuppet();
    const other = await stage.connectedPuppet({ uid: SOMEBODY });
    assert.equal((await attesting.look(same.socket, ['unix:same-uid'])).value('unix:same-uid'), true);
    assert.equal((await attesting.look(other.socket, ['unix:same-uid'])).value('unix:same-uid'), false);
  });

  describe('supplementary groups', () => {
    before(function () { needProgram(this, SETPRIV); });

    it('are all listed, sorted, once', async () => {
      const { socket } = await through(['--reuid', '1234', '--regid', '1234', '--groups', '40000,3,27,3']);
      assert.deepEqual((await attesting.look(socket, ['unix:supplementary_gid'])).values('unix:supplementary_gid'), [3, 27, 40000]);
    });

    it('are each peer\'s own, also where another with as many was looked at before', async () => {
      const first = await through(['--reuid', '1234', '--regid', '1234', '--groups', '3,27']);
      const second = await through(['--reuid', '1235', '--regid', '1235', '--groups', '3,28']);
      const seen = [];
      for (const { socket } of [first, second, first]) seen.push((await attesting.look(socket, ['unix:supplementary_gid'])).values('unix:supplementary_gid'));
      assert.deepEqual(seen, [[3, 27], [3, 28], [3, 27]]);
    });

    it('are absent of a peer without any', async () => {
      const { socket } = await through(['--reuid', '1234', '--regid', '1234', '--clear-groups']);
      const look = await attesting.look(socket, ['unix:supplementary_gid', 'unix:supplementary_group']);
      assert.deepEqual([look.state('unix:supplementary_gid'), look.state('unix:supplementary_group')], ['absent', 'absent']);
    });

    const KEYS: readonly SelectorKey[] = ['unix:supplementary_gid', 'unix:supplementary_group', 'linux:live-uid'];
    const gids = (count: number) => Array.from({ length: count }, (_, index) => 10_000 + index);
    const inGroups = (count: number) => through(['--reuid', '1234', '--regid', '1234', '--groups', gids(count).join(',')]);

    it('are listed where there are a thousand of them', async () => {
      const { socket } = await inGroups(1024);
      const look = await attesting.look(socket, KEYS);
      assert.deepEqual(look.values('unix:supplementary_gid'), gids(1024));
      assert.deepEqual([look.values('unix:supplementary_group').length, look.value('linux:live-uid')], [1024, 1234]);
    });

    it('T20: are unknown, and not copied, where there are more than a thousand, as newgidmap gives to anybody', async () => {
      for (const count of [1025, 20_000]) {
        const { socket } = await inGroups(count);
        const rooms: (number | undefined)[] = [];
        const stop = interceptCalls((_, name, [, , option, , length]) => { if (name === 'getsockopt' && option === SO_PEERGROUPS) rooms.push((length as Int32Array)[0]); });
        const look = await attesting.look(socket, KEYS);
        stop();
        assert.deepEqual(KEYS.map((key) => look.state(key)), ['unknown limit', 'unknown limit', 'present']);
        assert.ok(rooms.length > 0 && rooms.every((room) => (room ?? Infinity) <= 4096), String(rooms));
      }
    });

    it('are unknown, never absent, where the kernel does not tell them', async () => {
      const { socket } = await stage.connectedPuppet();
      const look = await attesting.look({ fd: undefined, origin: undefined }, ['unix:supplementary_gid']);
      assert.equal(look.refused, 'no-descriptor');
      socket.destroy();
    });
  });

  describe('names', () => {
    it('are those of the local databases once a policy is prepared, and `#id` where nobody has one', async () => {
      await attesting.attestor.prepare(new Map());
      const root = await attesting.look((await stage.connectedPuppet()).socket, ['unix:user', 'unix:group']);
      const nobody = await attesting.look((await stage.connectedPuppet({ uid: SOMEBODY })).socket, ['unix:user', 'unix:group']);
      assert.deepEqual([root.value('unix:user'), root.value('unix:group')], ['root', 'root']);
      assert.deepEqual([nobody.value('unix:user'), nobody.value('unix:group')], [`#${String(SOMEBODY)}`, `#${String(SOMEBODY)}`]);
    });

    it('of supplementary groups too', async function () {
      needProgram(this, SETPRIV);
      await attesting.attestor.prepare(new Map());
      const daemon = Number(/^daemon:[^:]*:([0-9]+):/m.exec(readFileSync('/etc/group', 'utf8'))?.[1]);
      const { socket } = await through(['--reuid', '1234', '--regid', '1234', '--groups', `${String(daemon)},54321`]);
      assert.deepEqual((await attesting.look(socket, ['unix:supplementary_group'])).values('unix:supplementary_group'), ['#54321', 'daemon']);
    });

    it('that this host does not have are warned of when the policy loads', async () => {
      const warnings = await new LinuxAttestor().prepare(new Map([['unix:user', new Set(['root', 'no-such-user-here'])], ['unix:group', new Set(['no-such-group-here'])]]));
      assert.equal(warnings.length, 2);
      assert.ok(warnings[0]?.includes('no-such-user-here'));
    });

    it('are not asked of an option: a name that begins with a dash is nobody\'s', async () => {
      assert.equal((await new LinuxAttestor().prepare(new Map([['unix:user', new Set(['--help'])]]))).length, 1);
    });

    it('leave what was resolved before when a refresh fails', async () => {
      await attesting.attestor.prepare(new Map());
      const broken = new Map([['unix:user', new Set(['bad\0name'])]]) as ReadonlyMap<SelectorKey, ReadonlySet<string>>;
      await assert.rejects(attesting.attestor.prepare(broken), (error) => error instanceof Error);
      const look = await attesting.look((await stage.connectedPuppet()).socket, ['unix:user']);
      assert.equal(look.value('unix:user'), 'root');
    });
  });

  describe('the state of the process', () => {
    before(function () { needProgram(this, SETPRIV); });

    it('has the capabilities that /proc says, by name, and absent sets where there are none', async () => {
      const { puppet, socket } = await through(['--bounding-set', '-all,+net_admin,+setuid,+setgid', '--inh-caps', '-all']);
      const look = await attesting.look(socket, ['linux:cap-effective', 'linux:cap-permitted', 'linux:cap-bounding', 'linux:cap-inheritable', 'linux:cap-ambient']);
      const names = ['cap_net_admin', 'cap_setgid', 'cap_setuid'];
      for (const set of ['effective', 'permitted', 'bounding'] as const) assert.deepEqual(look.values(`linux:cap-${set}`), names);
      assert.deepEqual([look.state('linux:cap-inheritable'), look.state('linux:cap-ambient')], ['absent', 'absent']);
      assert.match(readFileSync(`/proc/${String(puppet.pid)}/status`, 'utf8'), /^CapEff:\t00000000000010c0$/m);
    });

    it('has none of them for a plain user', async () => {
      const { socket } = await stage.connectedPuppet({ uid: SOMEBODY });
      assert.equal((await attesting.look(socket, ['linux:cap-effective'])).state('linux:cap-effective'), 'absent');
    });

    it('tells no_new_privs and seccomp', async () => {
      const plain = await attesting.look((await stage.connectedPuppet()).socket, ['linux:no-new-privs', 'linux:seccomp']);
      const bound = await attesting.look((await through(['--no-new-privs'])).socket, ['linux:no-new-privs']);
      assert.equal(plain.value('linux:no-new-privs'), /^NoNewPrivs:\t1$/m.test(readFileSync('/proc/self/status', 'utf8')));
      assert.equal(bound.value('linux:no-new-privs'), true);
      const own = /^Seccomp:\t([012])$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
      assert.equal(plain.value('linux:seccomp'), ['disabled', 'strict', 'filter'][Number(own)]);
    });

    it('tells a seccomp filter', async function () {
      needProgram(this, '/usr/bin/python3');
      // PR_SET_NO_NEW_PRIVS, then PR_SET_SECCOMP with a filter of one instruction that allows everything.
      const script = `import ctypes,socket,struct,time
libc=ctypes.CDLL(None)
libc.prctl(38,1,0,0,0)
code=ctypes.create_string_buffer(struct.pack("HBBI",6,0,0,0x7fff0000),8)
program=ctypes.create_string_buffer(struct.pack("HxxxxxxP",1,ctypes.addressof(code)),16)
assert libc.prctl(22,2,ctypes.byref(program))==0
s=socket.socket(socket.AF_UNIX);s.connect(${JSON.stringify(stage.socketPath)});time.sleep(1000)`;
      stage.start('/usr/bin/python3', ['-c', script]);
      const look = await attesting.look(await stage.accepted(), ['linux:seccomp', 'linux:no-new-privs']);
      assert.deepEqual([look.value('linux:seccomp'), look.value('linux:no-new-privs')], ['filter', true]);
    });

    it('has the namespaces that /proc says, and shares those that are ours', async () => {
      const { puppet, socket } = await stage.connectedPuppet();
      await puppet.tell(`unshare ${String(0x0400_0000 | 0x0800_0000)}`); // CLONE_NEWUTS, CLONE_NEWIPC
      const keys = NAMESPACES.map((name) => `linux:${name}-ns` as const);
      const look = await attesting.look(socket, [...keys, 'linux:shared-ns']);
      for (const name of NAMESPACES) {
        assert.equal(look.value(`linux:${name}-ns`), Number(statSync(`/proc/${String(puppet.pid)}/ns/${name}`, { bigint: true }).ino), name);
      }
      assert.deepEqual(look.values('linux:shared-ns'), NAMESPACES.filter((name) => name !== 'ipc' && name !== 'uts'));
    });

    it('has the ancestors up to pid 1, for what they are worth', async () => {
      const { puppet, socket } = await stage.connectedPuppet({ uid: SOMEBODY });
      const look = await attesting.look(socket, ['unix:ancestor-path', 'unix:ancestor-uid']);
      const above = ancestorsOf(puppet.pid);
      assert.deepEqual(look.values('unix:ancestor-uid'), [...new Set(above.map((pid) => statSync(`/proc/${String(pid)}`).uid))].sort((a, b) => a - b));
      assert.equal(look.tier('unix:ancestor-uid'), 'heuristic');
      const links = above.map((pid) => { try { return readlinkSync(`/proc/${String(pid)}/exe`); } catch { return ''; } });
      // One that cannot be looked at (the first process of a sandbox) leaves all unknown: a list with a hole would read as whole.
      if (links.every((link) => link.startsWith('/'))) assert.deepEqual(look.values('unix:ancestor-path'), [...new Set(links)].sort());
      else assert.equal(look.state('unix:ancestor-path'), 'unknown permission');
    });

    it('has no ancestors that are known where there are more than are looked at: one of them could be what a rule denies (I4)', async function () {
      needProgram(this, PYTHON);
      const deep = `
import os, socket, sys
for _ in range(70):
    if os.fork(): os.wait(); os._exit(0)
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); sys.stdin.read()`;
      stage.start(PYTHON, ['-c', deep, stage.socketPath], { uid: SOMEBODY });
      const look = await attesting.look(await stage.accepted(), ['unix:ancestor-uid']);
      assert.equal(look.state('unix:ancestor-uid'), 'unknown permission');
    });

    it('has the cgroup that /proc says', async () => {
      const { puppet, socket } = await stage.connectedPuppet();
      const lines = readFileSync(`/proc/${String(puppet.pid)}/cgroup`, 'utf8').split('\n');
      const path = String((await attesting.look(socket, ['linux:cgroup'])).value('linux:cgroup'));
      assert.ok(lines.some((line) => line.endsWith(`:${path}`)));
    });
  });

  it('is unknown of a peer that is not this platform\'s', async () => {
    const stranger = { credentials: { pid: 1, uid: 0, gid: 0 }, pin: 'unpinned', verify: () => undefined, close: () => undefined };
    const findings = await attesting.attestor.attest(stranger as never, new Set(['unix:uid', 'unix:path']));
    assert.deepEqual([...findings.values()].map((finding) => finding.state), ['unknown', 'unknown']);
  });

  it('is not told after the peer was closed', async () => {
    const { socket } = await stage.connectedPuppet();
    const look = await attesting.look(socket, ['unix:uid']);
    const { peer } = look;
    peer.close();
    assert.throws(() => peer.pidfd());
    peer.close();
  });
});

function ancestorsOf(pid: number): readonly number[] {
  const above: number[] = [];
  for (let at = pid; ;) {
    at = Number(/^PPid:\t([0-9]+)$/m.exec(readFileSync(`/proc/${String(at)}/status`, 'utf8'))?.[1]);
    if (at === 0) return above;
    above.push(at);
  }
}
