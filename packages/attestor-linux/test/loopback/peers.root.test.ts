import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { requireRoot, skipUnless } from '@portcullis/testkit';
import { findSocket, type ClientSocket } from '../../dist/loopback/inet-diag.js';
import { ENOENT, SysFailure } from '../../dist/ffi/errno.js';
import { pidfdGetfd, pidfdOpen } from '../../dist/ffi/pidfd.js';
import { closeFd } from '../../dist/ffi/file.js';
import { getPeerName, getSockName, type Endpoint } from '../../dist/ffi/sockaddr.js';
import { AF_INET, AF_UNIX, SOCK_CLOEXEC, SOCK_STREAM } from '../../dist/ffi/constants.js';
import { libc } from '../../dist/ffi/libc.js';
import { LoopbackPeer } from '../../dist/loopback/loopback-peer.js';
import { pinHolder } from '../../dist/loopback/pin-holder.js';
import type { Evidenced, Fd, HeldPeer, PeerRefusal, Pid, SelectorKey } from '@portcullis/core';
import { Attesting, connectionOf, type Look } from '../support/attesting.js';
import { compiled } from '../support/compile.js';
import { needAttacks, needPidfdInfo, needRoot, SOMEBODY } from '../support/features.js';
import { interceptCalls } from '../support/intercept.js';
import type { PeerProcess } from '../support/peer-process.js';
import { answer, TcpStage } from '../support/tcp-stage.js';

describe('the peer of a loopback TCP connection', () => {
  let stage: TcpStage;
  let attesting: Attesting;
  before(function () { needAttacks(this); });
  beforeEach(async () => { stage = await TcpStage.open(); attesting = new Attesting({ transport: 'tcp' }); });
  afterEach(async () => { await attesting.close(); await stage.close(); });

  const fdOf = (socket: Socket): Fd => connectionOf(socket).fd!;

  it('has the uid of who made its socket, worth no more than a heuristic', async () => {
    for (const uid of [SOMEBODY, 0, SOMEBODY + 1]) {
      const { socket } = await stage.connected({ uid });
      const look = await attesting.look(stage.connection(socket), ['unix:uid', 'unix:same-uid']);
      assert.deepEqual([look.value('unix:uid'), look.tier('unix:uid'), look.value('unix:same-uid')], [uid, 'heuristic', uid === 0]);
      assert.deepEqual([look.peer.pin, look.peer.credentials.pid, look.peer.credentials.gid], ['unpinned', 0, undefined]);
    }
  });

  it('has neither group nor label: they are unknown, never absent (I4)', async () => {
    const { socket } = await stage.connected({ uid: SOMEBODY });
    const keys = ['unix:gid', 'unix:group', 'unix:supplementary_gid', 'unix:supplementary_group', 'linux:label', 'linux:selinux-type'] as const;
    const look = await attesting.look(socket, keys);
    for (const key of keys) assert.equal(look.state(key), 'unknown socket-unsupported', key);
  });

  it('is the process that holds the socket, pinned and looked at, all of it a heuristic', async () => {
    const { puppet, socket } = await stage.connected({ uid: SOMEBODY });
    const look = await attesting.look(socket, ['unix:path', 'unix:sha256', 'linux:pin', 'linux:live-uid', 'linux:live-gid', 'linux:tracer', 'process:comm']);
    assert.deepEqual([look.value('unix:path'), look.value('linux:pin'), look.value('linux:live-uid'), look.state('linux:tracer')], [compiled('tcp-puppet'), 'socket-holder', SOMEBODY, 'absent']);
    assert.deepEqual([look.peer.credentials.pid, look.peer.pin, look.verify()], [puppet.pid, 'socket-holder', undefined]);
    for (const [key, entry] of look.attested.evidence) assert.equal((entry as Evidenced & { tier: string }).tier, key === 'process:comm' ? 'peer-asserted' : 'heuristic', key);
  });

  it('is found though it sent all it had to say, and closed that direction', async () => {
    const { puppet, socket } = await stage.connected({ uid: SOMEBODY });
    await puppet.tell('write');
    await puppet.tell('half');
    const look = await attesting.look(socket, ['unix:uid', 'unix:path']);
    assert.deepEqual([look.value('unix:uid'), look.value('unix:path')], [SOMEBODY, compiled('tcp-puppet')]);
  });

  it('is refused once it closed its end or exited, whatever it sent before', async () => {
    for (const end of ['close', 'exit'] as const) {
      const { puppet, socket } = await stage.connected({ uid: SOMEBODY });
      await puppet.tell('write');
      if (end === 'close') await puppet.tell('close');
      else await puppet.kill();
      // The kernel says uid 0 of a socket that nobody holds any more.
      assert.equal((await attesting.look(socket, ['unix:uid'])).refused, 'client-socket-closed', end);
    }
  });

  it('is refused once it broke the connection off', async () => {
    const { puppet, socket } = await stage.connected();
    const connection = { fd: fdOf(socket), origin: undefined };
    await answer(puppet, 'reset');
    assert.equal((await attesting.look(connection, ['unix:uid'])).refused, 'socket-not-connected');
  });

  it('is never who took the port of a client that broke off and left bytes behind', async () => {
    const attacker = await stage.puppet({ uid: SOMEBODY });
    const first = stage.accepted();
    const port = await answer(attacker, 'connect');
    await attacker.tell('write');
    const socket = await first;
    const connection = { fd: fdOf(socket), origin: undefined };
    await answer(attacker, 'reset');
    const root = await stage.puppet({ uid: 0 });
    const second = stage.accepted();
    assert.equal(await answer(root, `connect 127.0.0.1 ${String(port)}`), port);
    assert.equal((await attesting.look(connection, ['unix:uid'])).refused, 'socket-not-connected');
    assert.equal((await attesting.look(await second, ['unix:uid'])).value('unix:uid'), 0);
  });

  it('is nobody where our end was reset by the time that the other one was found', async () => {
    const { socket } = await stage.connected();
    let asked = false;
    const stop = interceptCalls((_count, name, callArguments) => {
      if (name === 'recvfrom') asked = true;
      if (name === 'getpeername' && asked) callArguments.splice(0, 1, -1); // as ENOTCONN: it fails
    });
    try {
      assert.equal((await attesting.look(stage.connection(socket), ['unix:uid'])).refused, 'socket-not-connected');
    } finally {
      stop();
    }
  });

  it('is never who listens on the port of a client that is gone', async () => {
    const listener = await TcpStage.open(); // root's
    const { socket } = await stage.connected();
    const here = getSockName(fdOf(socket)) as Endpoint;
    const there = getPeerName(fdOf(socket)) as Endpoint;
    assert.ok(!(findSocket(there, here) instanceof SysFailure));
    const gone = findSocket({ ...there, port: listener.port }, here);
    assert.equal(gone instanceof SysFailure ? gone.errno : undefined, ENOENT);
    await listener.close();
  });

  it('is refused where it is this very process, unless that is allowed (T15)', async () => {
    const client = connect(stage.port, '127.0.0.1');
    const socket = await stage.accepted();
    assert.equal((await attesting.look(socket, ['unix:uid'])).refused, 'self-connection');
    const lenient = new Attesting({ transport: 'tcp', self: 'allow' });
    const look = await lenient.look(socket, ['unix:uid', 'unix:path']);
    assert.deepEqual([look.refused, look.peer.credentials.pid], [undefined, process.pid]);
    await lenient.close();
    client.destroy();
  });

  describe('by who holds its socket', () => {
    it('is refused where several processes do and a rule wants to know which', async () => {
      const { puppet, socket } = await stage.connected({ uid: SOMEBODY });
      await puppet.tell('child');
      const look = await attesting.look(socket, ['unix:uid', 'unix:path']);
      assert.deepEqual([look.refused, look.state('unix:path')], ['several-holders', 'unknown system-error']);
      assert.equal((await attesting.look(socket, ['unix:uid'])).refused, undefined);
    });

    it('counts a process once, however often it has the socket', async () => {
      const { puppet, socket } = await stage.connected({ uid: SOMEBODY });
      await puppet.tell('dup');
      assert.equal((await attesting.look(socket, ['unix:path'])).value('unix:path'), compiled('tcp-puppet'));
    });

    it('is refused where the holder is of another user than the socket', async () => {
      const { puppet, socket } = await stage.connected({ uid: 0 });
      await puppet.tell(`setuid ${String(SOMEBODY)}`);
      const look = await attesting.look(socket, ['unix:uid', 'unix:path']);
      assert.deepEqual([look.refused, look.state('unix:path')], ['pin-failed', 'unknown system-error']);
    });

    it('is refused where what has the number of the socket is another one: an inode comes round, a cookie does not', async () => {
      const { puppet, socket } = await stage.connected({ uid: SOMEBODY });
      const client = clientOf(await attesting.look(socket, ['unix:path']));
      const holder = { inode: client.inode, pid: puppet.pid, foreignFd: 3, processes: 1 };
      const pin = pinHolder(holder, client, attesting.source.capabilities);
      assert.ok('pidfd' in pin);
      closeFd(pin.pidfd);
      assert.equal((pinHolder({ ...holder, foreignFd: 0 }, client, attesting.source.capabilities) as PeerRefusal).refused, 'holder-missing');
      assert.equal((pinHolder(holder, { ...client, cookie: client.cookie + 1n }, attesting.source.capabilities) as PeerRefusal).refused, 'holder-missing');
    });

    it('is refused where the holder is in another cgroup than the one that the socket was made in', async function () {
      needPidfdInfo(this);
      const { puppet, socket } = await stage.connected({ uid: SOMEBODY });
      const client = clientOf(await attesting.look(socket, ['unix:path']));
      assert.ok(client.cgroupId !== undefined);
      const pin = pinHolder({ inode: client.inode, pid: puppet.pid, foreignFd: 3, processes: 1 }, { ...client, cgroupId: client.cgroupId + 1n }, attesting.source.capabilities);
      assert.equal((pin as PeerRefusal).refused, 'pin-failed');
    });

    it('is refused where the holder lets go while it is looked at', async () => {
      const { puppet, socket } = await stage.connected({ uid: SOMEBODY });
      const look = await attesting.look(socket, ['unix:path']);
      assert.equal(look.verify(), undefined);
      await puppet.tell('park');
      assert.equal(look.verify(), 'holder-missing');
    });

    it('is refused where nobody has it in the lists: parked in a message', async () => {
      const { puppet, socket } = await stage.connected({ uid: SOMEBODY });
      await puppet.tell('park');
      assert.equal((await attesting.look(socket, ['unix:path'])).refused, 'holder-missing');
    });

    it('does not see who parks the socket in a message while an allowed program has it: a program is a matter for Unix sockets', async () => {
      const { puppet, socket } = await stage.connected({ uid: SOMEBODY });
      await puppet.tell(`child ${compiled('tcp-puppet')}`);
      await puppet.tell('park');
      const look = await attesting.look(socket, ['unix:path']);
      assert.deepEqual([look.value('unix:path'), look.tier('unix:path'), look.peer.credentials.pid === puppet.pid], [compiled('tcp-puppet'), 'heuristic', false]);
    });

    it('is unknown to a gateway that may not look into every process: who is hidden may hold it too', async () => {
      const server = stage.start(process.execPath, [join(import.meta.dirname, '../support/loopback-process.js'), 'unix:uid,unix:path,linux:pin'], { uid: SOMEBODY });
      const puppet = stage.start(compiled('tcp-puppet'), ['127.0.0.1', await server.line()], { uid: SOMEBODY });
      await puppet.expect('ready');
      await answer(puppet, 'connect');
      const { code, evidence } = JSON.parse(await server.line()) as { code?: string; evidence: Record<string, Evidenced & { why?: string }> };
      assert.deepEqual([code, evidence['unix:uid']?.state, evidence['unix:path']?.why, evidence['linux:pin']?.why], [undefined, 'present', 'permission', 'permission']);
    });

    it('is found, and digested, by threads of a program that was given by `--eval` too', async () => {
      const program = `import ${JSON.stringify(join(import.meta.dirname, '../support/loopback-process.js'))}`;
      const server = stage.start(process.execPath, ['--input-type=module', '--eval', program, '-', 'unix:path,unix:sha256']);
      const puppet = stage.start(compiled('tcp-puppet'), ['127.0.0.1', await server.line()], { uid: SOMEBODY });
      await puppet.expect('ready');
      await answer(puppet, 'connect');
      const { evidence } = JSON.parse(await server.line()) as { evidence: Record<string, Evidenced> };
      assert.deepEqual([evidence['unix:path']?.state, evidence['unix:sha256']?.state], ['present', 'present']);
    });

    it('is unknown where processes are hidden, or live in a pid namespace that is not the first', async () => {
      const { socket } = await stage.connected({ uid: SOMEBODY });
      for (const without of [{ hidepid: true }, { namespaces: new Map([['pid', 1n]]) }]) {
        const blind = new Attesting({ transport: 'tcp', without });
        assert.equal((await blind.look(socket, ['unix:path'])).state('unix:path'), 'unknown not-visible');
        await blind.close();
      }
    });
  });

  describe('once it is admitted', () => {
    const held = async (keys: readonly SelectorKey[]): Promise<{ readonly puppet: PeerProcess; readonly hold: HeldPeer; readonly exits: readonly string[] }> => {
      const { puppet, socket } = await stage.connected({ uid: SOMEBODY });
      const look = await attesting.look(socket, keys);
      const hold = look.peer.hold({ image: true });
      look.close();
      const exits: string[] = [];
      hold.watch(() => { exits.push('exit'); });
      return { puppet, hold, exits };
    };

    it('stays as long as somebody holds its socket, where only its user was asked for', async () => {
      const { puppet, hold, exits } = await held(['unix:uid']);
      assert.deepEqual([hold.verify(), hold.isConnectionHeld()], [undefined, true]);
      await answer(puppet, 'close');
      assert.deepEqual([hold.verify()?.refused, hold.isConnectionHeld(), exits], ['peer-exited', false, []]);
      hold.close();
      assert.equal(hold.verify()?.refused, 'lease-ended');
    });

    it('is watched where a rule looked at the process, and a closed socket counts as let go', async () => {
      const { puppet, hold, exits } = await held(['unix:path']);
      assert.deepEqual([hold.verify(), hold.isConnectionHeld()], [undefined, true]);
      await puppet.kill();
      while (exits.length === 0) await sleep(5);
      assert.deepEqual([hold.verify()?.refused, hold.isConnectionHeld()], ['peer-exited', false]);
      hold.close();
    });
  });

  describe('by its address', () => {
    it('is attested at ::1', async () => {
      const six = await TcpStage.open({ host: '::1' });
      const { socket } = await six.connected({ uid: SOMEBODY, address: '::1' });
      const look = await attesting.look(socket, ['unix:uid', 'unix:path']);
      assert.deepEqual([look.value('unix:uid'), look.value('unix:path')], [SOMEBODY, compiled('tcp-puppet')]);
      await six.close();
    });

    it('is attested through a listener of both families, from either kind of socket', async () => {
      const both = await TcpStage.open({ host: '::' });
      for (const address of ['127.0.0.1', '::ffff:127.0.0.1', '::1', '127.9.8.7']) {
        const { socket } = await both.connected({ uid: SOMEBODY, address });
        assert.equal((await attesting.look(socket, ['unix:uid', 'unix:path'])).value('unix:uid'), SOMEBODY, address);
      }
      await both.close();
    });

    it('is refused where either end is not a loopback address', async function () {
      const own = Object.values(networkInterfaces()).flat().find((one) => one?.internal === false && one.family === 'IPv4')?.address;
      skipUnless(this, own !== undefined, 'this machine has no address but the loopback ones');
      const open = await TcpStage.open({ host: '::' });
      for (const [address, source] of [[own, ''], ['127.0.0.1', `${own} 0`], [own, '127.0.0.1 0']] as const) {
        const puppet = await open.puppet({ address });
        const accepted = open.accepted();
        await answer(puppet, `connect ${source}`.trim());
        assert.equal((await attesting.look(await accepted, ['unix:uid'])).refused, 'address-not-loopback', `${address} from ${source}`);
      }
      await open.close();
    });

    it('is refused where the socket lives in another network namespace than ours', async () => {
      const puppet = await stage.puppet();
      const number = await answer(puppet, 'elsewhere');
      const pidfd = pidfdOpen(puppet.pid as Pid) as Fd;
      const fd = pidfdGetfd(pidfd, number);
      if (fd instanceof SysFailure) assert.fail(fd.toString());
      assert.equal((await attesting.look({ fd, origin: undefined }, ['unix:uid'])).refused, 'foreign-network');
      closeFd(fd);
      closeFd(pidfd);
    });
  });

  it('refuses Unix sockets, datagram sockets, sockets that are not connected and what is no socket', async () => {
    const { socket } = await stage.connected();
    assert.equal((await attesting.look(stage.connection(socket), ['unix:uid'])).refused, undefined);
    const opened = [[AF_UNIX, SOCK_STREAM, 'socket-not-tcp'], [AF_INET, 2, 'socket-not-tcp'], [AF_INET, SOCK_STREAM, 'socket-not-connected']] as const;
    for (const [domain, type, code] of opened) {
      const fd = libc().socket(domain, type | SOCK_CLOEXEC, 0) as Fd;
      assert.equal((await attesting.look({ fd, origin: undefined }, ['unix:uid'])).refused, code);
      closeFd(fd);
    }
    for (const fd of [undefined, 1 << 20, 0]) assert.equal((await attesting.look({ fd: fd as Fd | undefined, origin: undefined }, ['unix:uid'])).refused, 'no-descriptor');
  });

  for (const [name, command, args] of [
    ['curl', '/usr/bin/curl', (url: string) => ['-s', '--max-time', '60', url]],
    ['python', '/usr/bin/python3', (url: string) => ['-c', `import urllib.request\ntry: urllib.request.urlopen('${url}')\nexcept OSError: pass`]],
    ['node', process.execPath, (url: string) => ['-e', `require('http').get('${url}').on('error', () => {})`]],
    ['socat', '/usr/bin/socat', (url: string) => ['-u', `TCP:${new URL(url).host}`, 'STDOUT']],
  ] as const) {
    it(`attests ${name}, at 127.0.0.1 and at ::1, as another user`, async function () {
      needRoot(this);
      skipUnless(this, existsSync(command), `${command} is not there`);
      for (const host of ['127.0.0.1', '[::1]']) {
        const there = await TcpStage.open({ host: host.replace(/[[\]]/g, '') });
        there.start(command, args(`http://${host}:${String(there.port)}/`), { uid: SOMEBODY });
        const look = await attesting.look(await there.accepted(), ['unix:uid', 'linux:live-uid', 'unix:exe-state', 'process:comm']);
        assert.deepEqual([look.value('unix:uid'), look.value('linux:live-uid'), look.value('unix:exe-state')], [SOMEBODY, SOMEBODY, 'linked'], `${name} ${host}`);
        await there.close();
      }
    });
  }

  it('is found a thousand times at once, and leaves no descriptor behind', async function () {
    requireRoot(this, 'needs root');
    const { openDescriptors } = await import('../support/descriptors.js');
    const puppet = await stage.puppet({ uid: SOMEBODY });
    const sockets: Socket[] = [];
    const arrive = async (count: number): Promise<void> => { for (let left = count; left > 0; left -= 1) sockets.push(await stage.accepted()); };
    await Promise.all([arrive(1), answer(puppet, 'many 1')]);
    (await attesting.look(sockets[0]!, ['unix:path'])).close(); // the thread and the netlink socket are there from now on
    await Promise.all([arrive(1000), answer(puppet, 'many 1000')]);
    const before = openDescriptors();
    const looks = await Promise.all(sockets.slice(1).map((socket) => attesting.look(stage.connection(socket), ['unix:uid', 'linux:tracer', 'linux:live-uid'])));
    assert.deepEqual([...new Set(looks.map((look) => `${String(look.refused)} ${String(look.value('linux:live-uid'))}`))], [`undefined ${String(SOMEBODY)}`]);
    for (const look of looks) look.close();
    assert.equal(openDescriptors(), before);
  });
});

function clientOf({ peer }: Look): ClientSocket {
  assert.ok(peer instanceof LoopbackPeer);
  return peer.client;
}
