import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { closeSync } from 'node:fs';
import { admissionOf, connectVerified, PortcullisError, ServerRefused, type ConnectSettings, type ConnectTarget, type Fd, type Pid, type Policy, type Uid } from '@portcullis/core';
import { allowUids, stubPolicy } from '@portcullis/core/testing';
import { LinuxAttestor, linuxConnectPort, LinuxPeerSource, probeCapabilities, type Capabilities } from '@portcullis/attestor-linux';
import { requireFeature, skipUnless } from '@portcullis/testkit';
import { AF_UNIX, SOCK_STREAM } from '../../dist/ffi/constants.js';
import { libc } from '../../dist/ffi/libc.js';
import { pidfdOpen } from '../../dist/ffi/pidfd.js';
import { unixAddress } from '../../dist/ffi/unix-address.js';
import { readBounded, readStatBounded } from '../../dist/held-up/looks.js';
import { linuxListenPort } from '../../dist/listen/listen-port.js';
import { openDescriptors } from '../support/descriptors.js';
import { needPeerPidFd, needProgram, needRoot, SOMEBODY } from '../support/features.js';
import { Servers } from './servers.js';

const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOCK_SEQPACKET = 5;
const SYS_PIDFD_GETFD = 438; // asm-generic/unistd.h, 5.6
/** The listener is the first that `server.py` opens. */
const FIRST_OF_PYTHON = 3;
const PYTHON = '/usr/bin/python3';

describe('verified connect', function () {
  this.timeout(30_000);
  let servers: Servers;
  let attestor: LinuxAttestor;
  const sockets: Socket[] = [];
  const ours: Server[] = [];
  before(function () {
    needRoot(this);
    needProgram(this, PYTHON);
    // The threads that look have descriptors of their own: they start before any are counted, also where this file runs alone.
    assert.ok(readBounded({ uid: SOMEBODY as Uid, direct: false }, '/proc/self/stat') instanceof Uint8Array);
    assert.ok(readStatBounded(SOMEBODY as Uid, process.pid as Pid) instanceof Uint8Array);
  });
  beforeEach(() => {
    servers = new Servers();
    attestor = new LinuxAttestor();
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    for (const server of ours.splice(0)) server.close();
    await servers.close();
    await attestor.close();
  });

  async function connect(target: ConnectTarget, expected: readonly number[] | Policy, settings: ConnectSettings & { readonly without?: Partial<Capabilities> } = {}): Promise<Socket> {
    const { without, ...rest } = settings;
    const capabilities = { ...probeCapabilities(), ...without };
    const socket = await connectVerified(target, {
      ...rest, policy: 'decide' in expected ? expected : allowUids(...expected), attestors: [attestor],
      peerSource: new LinuxPeerSource({ capabilities }), connectPort: linuxConnectPort(capabilities),
    });
    sockets.push(socket);
    return socket;
  }

  async function refused(target: ConnectTarget, expected: readonly number[] | Policy, settings?: Parameters<typeof connect>[2]): Promise<ServerRefused> {
    const before = openDescriptors();
    const error = await connect(target, expected, settings).then(() => assert.fail('it was admitted'), (reason: unknown) => reason);
    if (!(error instanceof ServerRefused)) throw error as Error;
    assert.equal(openDescriptors(), before, 'a descriptor was left open, or one that is the caller\'s was closed');
    return error;
  }

  /** What the server sends back of `text`: it is there, and it is the one. */
  async function echo(socket: Socket, text: string): Promise<string> {
    socket.end(text);
    let got = '';
    for await (const some of socket.setEncoding('utf8')) got += String(some);
    return got;
  }

  describe('to a server that made its listener', () => {
    it('is a socket that works, with the admission of the server', async () => {
      const server = await servers.start('serve', { uid: SOMEBODY });
      const socket = await connect(servers.at('serve'), [SOMEBODY]);
      const { decision, peer } = admissionOf(socket);
      assert.deepEqual([decision.effect, peer?.uid, peer?.pid], ['allow', SOMEBODY, server.pid]);
      assert.equal(await echo(socket, 'hello'), 'hello');
      await server.expect('got 5');
    });

    it('sends no byte to a server of another user, and says whose it is', async () => {
      const server = await servers.start('serve', { uid: 1 });
      const { code, facts, message, admission } = await refused(servers.at('serve'), [0, SOMEBODY]);
      assert.deepEqual([code, facts['user'], facts['uid'], facts['pid'], facts['cause']], ['SERVER_REFUSED', 'daemon', 1, server.pid, 'default']);
      assert.match(message, /`daemon` \(uid 1\)/);
      assert.equal(admission.decision.effect, 'deny');
      await server.expect('got 0');
    });

    it('believes nothing that a server says of itself', async () => {
      const server = await servers.start('lie', { uid: SOMEBODY, argv0: '/usr/lib/systemd/systemd' });
      const { facts } = await refused(servers.at('lie'), [0]);
      assert.deepEqual([facts['uid'], facts['pid']], [SOMEBODY, server.pid]);
      await server.expect('got 0');
    });

    it('keeps what the server sent before it was verified', async () => {
      await servers.start('lie', { uid: SOMEBODY });
      const socket = await connect(servers.at('lie'), [SOMEBODY]);
      assert.match(await echo(socket, ''), /^uid=0/);
    });

    it('verifies the server that it reached, whoever has the path by then', async () => {
      const first = await servers.start('serve', { uid: SOMEBODY });
      const capabilities = probeCapabilities();
      const fd = linuxConnectPort(capabilities).connect(servers.at('serve'));
      assert.ok(fd !== undefined);
      await first.kill();
      assert.equal((await refused({ fd }, [SOMEBODY])).facts['code'], 'peer-exited');
      closeSync(fd);
    });

    it('sees who called listen(), not who the process became: it is frozen', async function () {
      needPeerPidFd(this); // the weaker pin wants the ids of the listen()
      await servers.start('drop');
      assert.equal(admissionOf(await connect(servers.at('drop'), [0])).peer?.uid, 0);
    });

    it('takes a server that ended the connection already: the stream says so', async () => {
      await servers.start('close', { uid: SOMEBODY });
      const socket = await connect(servers.at('close'), [SOMEBODY]);
      socket.on('error', () => undefined).resume();
      if (!socket.closed) await once(socket, 'close');
      assert.equal(socket.bytesRead, 0);
    });

    it('refuses a server of our own process (T15)', async () => {
      const path = servers.at('own');
      ours.push(createServer().listen(path));
      await once(ours[0]!, 'listening');
      assert.equal((await refused(path, [0])).facts['code'], 'self-connection');
    });
  });

  describe('to a server that does not answer', () => {
    it('is verified where it never accepts, as the kernel knows who listens', async () => {
      const server = await servers.start('idle', { uid: SOMEBODY });
      assert.equal(admissionOf(await connect(servers.at('idle'), [SOMEBODY])).peer?.pid, server.pid);
    });

    it('waits for a place in a queue that is full, and no longer than the timeout', async () => {
      await servers.start('idle', { uid: SOMEBODY });
      const before = openDescriptors();
      await assert.rejects(async () => {
        for (;;) await connect(servers.at('idle'), [SOMEBODY], { timeoutMs: 300 });
      }, { code: 'CONNECT_TIMEOUT' });
      assert.equal(openDescriptors() - before, sockets.length, 'the try that timed out left a descriptor');
      assert.ok(sockets.length > 0, 'the first found a place');
    });

    const failing: Readonly<Record<string, string>> = { ENOENT: 'nothing', EPROTOTYPE: 'datagram', ECONNREFUSED: 'stale' };
    for (const [errno, name] of Object.entries(failing)) {
      it(`says ${errno} where the path leads to ${name === 'nothing' ? name : `a ${name} socket`}`, async () => {
        if (name === 'datagram') await servers.start('datagram');
        if (name === 'stale') await (await servers.start('serve')).kill();
        const path = servers.at(name === 'stale' ? 'serve' : name);
        const error = await connect(path, [0]).then(() => assert.fail('it was admitted'), (reason: unknown) => reason);
        assert.ok(error instanceof PortcullisError);
        assert.deepEqual([error.code, error.facts['errno']], ['CONNECT_SYSTEM', errno]);
      });
    }
  });

  describe('to a listener that was inherited', () => {
    it('is refused where its maker has exited and somebody still serves', async () => {
      const maker = await servers.start('daemon', { uid: SOMEBODY });
      const { facts } = await refused(servers.at('daemon'), [SOMEBODY]);
      assert.deepEqual([facts['code'], facts['cause'], facts['uid'], facts['pid']], ['listener-inherited', 'peer-refused', SOMEBODY, maker.pid]);
      await maker.expect('got 0');
    });

    it('is refused so also without SO_PEERPIDFD', async () => {
      await servers.start('daemon', { uid: SOMEBODY });
      assert.equal((await refused(servers.at('daemon'), [SOMEBODY], { without: { peerPidFd: false } })).facts['code'], 'listener-inherited');
    });

    it('is refused where systemd made it', async () => {
      const server = await servers.start('manager');
      const { facts } = await refused(servers.at('manager'), [0]);
      assert.deepEqual([facts['code'], facts['pid']], ['listener-inherited', server.pid]);
    });

    for (const way of ['daemon', 'manager'] as const) {
      it(`is judged by its maker where that is allowed: ${way}`, async () => {
        await servers.start(way, { uid: SOMEBODY });
        assert.equal(admissionOf(await connect(servers.at(way), [SOMEBODY], { inherited: 'allow' })).peer?.uid, SOMEBODY);
        const { facts } = await refused(servers.at(way), [0], { inherited: 'allow' });
        assert.deepEqual([facts['cause'], facts['uid']], ['default', SOMEBODY]);
      });
    }

    it('has no program to be judged by once its maker has exited, allowed or not', async () => {
      await servers.start('daemon', { uid: SOMEBODY });
      const policy = stubPolicy({ keys: ['unix:uid', 'unix:path'], allow: (evidence) => evidence.get('unix:path')?.state === 'present' });
      const { facts } = await refused(servers.at('daemon'), policy, { inherited: 'allow' });
      assert.deepEqual([facts['cause'], facts['code']], ['peer-lost', 'listener-inherited']);
    });

    it('is the server\'s own once it called listen() itself, as Node does', async () => {
      const maker = await servers.start('relisten', { uid: SOMEBODY });
      const pid = admissionOf(await connect(servers.at('relisten'), [SOMEBODY])).peer?.pid;
      assert.ok(pid !== undefined && pid !== maker.pid);
    });

    it('shows its maker, and no sign of another, where the maker lives: this cannot be told', async () => {
      const maker = await servers.start('beside', { uid: SOMEBODY });
      assert.equal(admissionOf(await connect(servers.at('beside'), [SOMEBODY])).peer?.pid, maker.pid);
    });

    it('is not refused for an exit alone: a server that died with its connections is gone', async () => {
      const server = await servers.start('serve', { uid: SOMEBODY });
      const fd = linuxConnectPort().connect(servers.at('serve'));
      assert.ok(fd !== undefined);
      await server.kill();
      const { facts } = await refused({ fd }, [SOMEBODY], { inherited: 'allow' });
      assert.deepEqual([facts['code'], facts['uid']], ['peer-exited', SOMEBODY]);
      closeSync(fd);
    });
  });

  describe('over a descriptor', () => {
    function socketOf(domain: number, type: number): Fd {
      const fd = libc().socket(domain, type, 0);
      assert.ok(fd >= 0, `errno ${String(libc().errno())}`);
      return fd as Fd;
    }

    async function refusedAs(fd: number, code: string): Promise<void> {
      assert.equal((await refused({ fd }, [0, 0xffff_ffff])).facts['code'], code);
    }

    it('takes one that is connected, and owns it from then on', async () => {
      const server = await servers.start('serve', { uid: SOMEBODY });
      const fd = linuxConnectPort().connect(servers.at('serve'));
      assert.ok(fd !== undefined);
      assert.equal(await echo(await connect({ fd }, [SOMEBODY]), 'hello'), 'hello');
      await server.expect('got 5');
    });

    it('refuses a TCP socket that is connected (T14)', async () => {
      const server = createServer().listen(0, '127.0.0.1');
      ours.push(server);
      await once(server, 'listening');
      const address = server.address();
      assert.ok(typeof address === 'object' && address !== null);
      const fd = socketOf(AF_INET, SOCK_STREAM);
      const sockaddr = Buffer.alloc(16);
      sockaddr.writeUInt16LE(AF_INET, 0);
      sockaddr.writeUInt16BE(address.port, 2);
      sockaddr.set([127, 0, 0, 1], 4);
      assert.equal(libc().connect(fd, sockaddr, sockaddr.length), 0);
      await refusedAs(fd, 'socket-not-unix');
      closeSync(fd);
    });

    for (const [what, type] of [['datagram', SOCK_DGRAM], ['seqpacket', SOCK_SEQPACKET]] as const) {
      it(`refuses a ${what} socket (T14)`, async () => {
        const fd = socketOf(AF_UNIX, type);
        await refusedAs(fd, 'socket-not-stream');
        closeSync(fd);
      });
    }

    it('refuses one that is not connected (T14)', async () => {
      const fd = socketOf(AF_UNIX, SOCK_STREAM);
      await refusedAs(fd, 'socket-not-connected');
      closeSync(fd);
    });

    it('refuses a listener of our own', async () => {
      const bound = linuxListenPort().bind({ path: servers.at('listener'), exceptions: ['parent-writable'] });
      await refusedAs(bound.fd, 'socket-not-connected');
      closeSync(bound.fd);
      bound.release();
    });

    it('refuses a listener of another process, whose credentials it has', async function () {
      const server = await servers.start('serve');
      const pidfd = pidfdOpen(server.pid as Pid);
      assert.ok(typeof pidfd === 'number');
      const fd = libc().syscall(SYS_PIDFD_GETFD, pidfd, FIRST_OF_PYTHON, 0);
      closeSync(pidfd);
      skipUnless(this, fd >= 0, 'no pidfd_getfd: Linux 5.6');
      await refusedAs(fd, 'socket-not-connected');
      closeSync(fd);
    });

    it('refuses one that is closed', async () => { await refusedAs(987_654, 'no-descriptor'); });

    it('refuses one that nobody could have', async () => {
      await assert.rejects(connect({ fd: -1 }, [0]), { code: 'CONNECT_OPTIONS' });
    });
  });

  it('leaves no descriptor and no process behind', async function () {
    requireFeature(this, 'peerpidfd', probeCapabilities().peerPidFd, 'no SO_PEERPIDFD');
    await servers.start('serve', { uid: SOMEBODY });
    const before = openDescriptors();
    for (let round = 0; round < 20; round += 1) {
      const socket = await connect(servers.at('serve'), [SOMEBODY]);
      socket.destroy();
      await once(socket, 'close');
      await connect(servers.at('serve'), [0]).then(() => assert.fail('it was admitted'), () => undefined);
    }
    assert.equal(openDescriptors(), before);
  });

  describe('takes a path', () => {
    it('as long as an address may have, and no longer', async () => {
      const name = 'n'.repeat(107 - servers.folder.length - 1);
      ours.push(createServer().listen(servers.at(name)));
      await once(ours[0]!, 'listening');
      assert.equal((await refused(servers.at(name), [0])).facts['code'], 'self-connection');
      await assert.rejects(connect(servers.at(`${name}n`), [0]), { code: 'CONNECT_OPTIONS' });
      assert.equal(unixAddress(servers.at(name)).length, 110);
    });

    for (const path of ['relative', '', '\0abstract', '/tmp/a\0b']) {
      it(`but not ${JSON.stringify(path)}`, async () => { await assert.rejects(connect(path, [0]), { code: 'CONNECT_OPTIONS' }); });
    }
  });
});
