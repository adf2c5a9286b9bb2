import assert from 'node:assert/strict';
import { chmodSync, copyFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { constants } from 'node:os';
import { isRefusal, PortcullisError, socketFd, type Fd, type HandoffReader, type PeerCredentials, type PeerRefusal, type Pid } from '@portcullis/core';
import { LinuxHandoffPort, LinuxPeerSource, probeCapabilities, type Capabilities } from '@portcullis/attestor-linux';
import { SO_PASSRIGHTS, SOCK_STREAM } from '../../dist/ffi/constants.js';
import { ENOMEM, ENOPROTOOPT, SysFailure } from '../../dist/ffi/errno.js';
import { closeFd } from '../../dist/ffi/file.js';
import { pidfdOpen } from '../../dist/ffi/pidfd.js';
import { refuseRights } from '../../dist/ffi/sockopt.js';
import { Connector } from '../../dist/messages/connector.js';
import { requireFeature, skipUnless } from '@portcullis/testkit';
import { connectionOf } from '../support/attesting.js';
import { compiled } from '../support/compile.js';
import { openDescriptors } from '../support/descriptors.js';
import { injectFaults } from '../support/faults.js';
import { needAttacks, needProgram, needUserNamespaces, SOMEBODY } from '../support/features.js';
import { failOption } from '../support/intercept.js';
import { CLAIM, Descriptors, friend, IN_ITS_OWN_NAMESPACES, passTo, sender } from '../support/messages.js';
import type { PeerProcess } from '../support/peer-process.js';
import { recyclePid } from '../support/recycle.js';
import { Stage } from '../support/stage.js';

const { EPERM, EINTR, EIO, EINVAL, EMFILE } = constants.errno;

/** What a reader told, and how it ended. */
class Told {
  readonly chunks: Buffer[] = [];
  refusal: PeerRefusal | undefined;
  reader!: HandoffReader;
  /** `ended`, `revoked` or `failed`. */
  readonly over: Promise<string>;
  /** Whether to go on after these bytes. */
  more: () => boolean = () => true;
  end!: (how: string) => void;

  constructor() {
    this.over = new Promise((resolve) => { this.end = resolve; });
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString();
  }
}

/** A python3 program that connects at a line, and at the next has its connection written to by itself and, at once, by a child. */
const passingOn = (path: string): string => `
import os, socket, sys
def send(s, text):
    try: s.sendall(text)
    except OSError: pass
for line in iter(sys.stdin.readline, ""):
    s = socket.socket(socket.AF_UNIX)
    s.connect(${JSON.stringify(path)})
    sys.stdin.readline()
    send(s, b"connector")
    if os.fork() == 0:
        send(s, b"child"); os._exit(0)
    os.wait()
    s.close()
    print("sent", flush=True)`;

describe('a stream that is read with its senders (T9)', () => {
  let stage: Stage;
  const descriptors = new Descriptors();
  after(() => { descriptors.close(); });
  before(function () { needAttacks(this); needProgram(this, '/usr/bin/python3'); });
  beforeEach(async () => { stage = await Stage.open(); });
  afterEach(async () => { await stage.close(); });

  for (const [kernel, without] of [['with SCM_PIDFD', {}], ['below Linux 6.5', { peerPidFd: false }]] as const) {
    describe(kernel, () => {
      let capabilities: Capabilities;
      let port: LinuxHandoffPort;
      before(() => {
        capabilities = { ...probeCapabilities(), ...without };
        port = new LinuxHandoffPort(capabilities);
      });

      /** A python3 peer that connects, waits for a line, and does `body`; and what is read of it. */
      async function connected(body: string, when: 'early' | 'late' = 'late'): Promise<{ readonly told: Told; readonly peer: PeerProcess; readonly socket: Socket }> {
        const wait = when === 'late' ? 'sys.stdin.readline()\n' : '';
        const peer = stage.start('/usr/bin/python3', sender(stage.socketPath, 'SOCK_STREAM', `${wait}${body}`), { uid: SOMEBODY });
        const socket = await stage.accepted();
        return { told: read(socket), peer, socket };
      }

      function credentialsOf(socket: Socket): PeerCredentials {
        const opened = new LinuxPeerSource({ capabilities }).open(connectionOf(socket));
        assert.ok(!isRefusal(opened));
        opened.close();
        return opened.credentials;
      }

      /** Throws as the port does. */
      function read(socket: Socket, credentials = credentialsOf(socket)): Told {
        const told = new Told();
        told.reader = port.read(connectionOf(socket), credentials, {
          bytes: (bytes) => { told.chunks.push(Buffer.from(bytes)); return told.more(); },
          ended: () => { told.end('ended'); },
          revoked: (refusal) => { told.refusal = refusal; told.end('revoked'); },
          failed: (error) => { told.end(`failed ${String(error)}`); },
        });
        return told;
      }

      it('T9: gives every byte of its connector in order, and the end', async () => {
        const { told, peer } = await connected('for n in range(100000): s.sendall(b"%06d" % n)');
        peer.child.stdin.write('go\n');
        assert.equal(await told.over, 'ended');
        assert.equal(told.text, Array.from({ length: 100_000 }, (_, n) => String(n).padStart(6, '0')).join(''));
      });

      it('T9: takes nothing of a connector in whose name others can send, as the kernel confirms what they claim', async function () {
        needUserNamespaces(this);
        const own = sender(stage.socketPath, 'SOCK_STREAM', `sys.stdin.readline()\n${CLAIM}\nsys.stdin.readline()`);
        const [unshare, ...options] = IN_ITS_OWN_NAMESPACES;
        const peer = stage.start(unshare!, [...options, '/usr/bin/python3', ...own], { uid: SOMEBODY });
        const told = read(await stage.accepted());
        peer.child.stdin.write('go\n');
        assert.deepEqual([await told.over, told.text, told.refusal?.refused], ['revoked', '', 'sender-claimable']);
      });

      it('T9: serves one in a pid namespace that root made', async () => {
        const own = sender(stage.socketPath, 'SOCK_STREAM', 'sys.stdin.readline()\ns.sendall(b"connector")\ns.close()');
        const peer = stage.start('/usr/bin/unshare', ['-p', '-f', '/usr/bin/python3', ...own]);
        const told = read(await stage.accepted());
        peer.child.stdin.write('go\n');
        assert.deepEqual([await told.over, told.text], ['ended', 'connector']);
      });

      if (kernel === 'with SCM_PIDFD') it('T1, T9: who got the pid and the user of the connector is not it, nor is it under another user', async function () {
        requireFeature(this, 'unique-pidfds', capabilities.peerPidFd && capabilities.uniquePidfdInodes, 'needs Linux 6.9: before, the pid and the user are all that is known');
        const { puppet, socket } = await stage.connectedPuppet({ uid: SOMEBODY });
        const { pid } = puppet;
        const connector = Connector.of(socketFd(socket)!, capabilities);
        assert.ok(!(connector instanceof SysFailure));
        const asked = (uid: number): string | undefined => {
          const pidfd = pidfdOpen(pid as Pid);
          assert.ok(!(pidfd instanceof SysFailure));
          try {
            return connector.whyNotBy({ pid, uid, gid: uid } as PeerCredentials, pidfd);
          } finally {
            closeFd(pidfd);
          }
        };
        assert.deepEqual([asked(SOMEBODY), asked(SOMEBODY + 1)], [undefined, 'sender-not-connector']);
        await puppet.kill();
        recyclePid(pid, SOMEBODY, compiled('puppet'));
        try {
          assert.equal(asked(SOMEBODY), 'sender-not-connector');
        } finally {
          process.kill(pid, 'SIGKILL');
        }
      });

      it('does not read a connection of other credentials than it is told', async () => {
        const { puppet: { pid }, socket } = await stage.connectedPuppet({ uid: SOMEBODY });
        for (const other of [{ pid: pid + 1, uid: SOMEBODY }, { pid, uid: SOMEBODY + 1 }]) {
          assert.throws(() => read(socket, { ...other, gid: SOMEBODY } as PeerCredentials), /another connection/);
        }
      });

      it('T9: stops before the first byte of another process, though it is queued right behind the connector\'s', async () => {
        const { told, peer } = await connected(`
s.sendall(b"connector")
if os.fork() == 0:
    s.sendall(b"child"); os._exit(0)
os.wait()
s.sendall(b"connector again")
print("sent", flush=True)
sys.stdin.readline()`);
        told.reader.pause();
        peer.child.stdin.write('go\n');
        await peer.expect('sent');
        told.reader.resume();
        assert.equal(await told.over, 'revoked');
        assert.deepEqual([told.text, told.refusal?.refused], ['connector', 'sender-not-connector']);
      });

      it('T9: stops before what an unrelated process of another user writes, to whom the connection was passed', async () => {
        const name = `portcullis-friend-${String(process.pid)}-${kernel}`;
        const other = stage.start('/usr/bin/python3', friend(name), { uid: SOMEBODY + 1 });
        await other.expect('listens');
        const { told, peer } = await connected(`s.sendall(b"connector")${passTo(name)}\nsys.stdin.readline()`);
        peer.child.stdin.write('go\n');
        await peer.expect('passed');
        other.child.stdin.write('go\n');
        assert.equal(await told.over, 'revoked');
        assert.deepEqual([told.text, told.refusal?.refused, told.refusal?.credentials?.uid], ['connector', 'sender-not-connector', SOMEBODY + 1]);
      });

      it('T9, T20: no errno at a call lets a byte of another process through', async () => {
        const peer = stage.start('/usr/bin/python3', ['-u', '-c', passingOn(stage.socketPath)], { uid: SOMEBODY });
        const openBefore = openDescriptors();
        const hows = new Set<string>();
        for (const errno of [EPERM, EINTR, EIO, ENOMEM, EINVAL, EMFILE]) {
          for (let at = 1, last = false; !last; at += 1) {
            peer.child.stdin.write('connect\n');
            const socket = await stage.accepted();
            const credentials = credentialsOf(socket);
            let name: string | undefined;
            const stop = injectFaults((call) => (call.count === at ? ((name = call.name), { errno }) : undefined));
            let told: Told | undefined;
            try {
              told = read(socket, credentials);
            } catch (error) {
              assert.ok(error instanceof PortcullisError, String(error));
            }
            peer.child.stdin.write('send\n');
            const how = (await told?.over) ?? 'not read';
            stop();
            socket.destroy(); // who was waiting to send goes on
            await peer.expect('sent');
            const what = `errno ${String(errno)} at call ${String(at)}, ${String(name)}: ${how}`;
            assert.ok(told === undefined || 'connector'.startsWith(told.text), `${what}, ${told?.text ?? ''}`);
            assert.match(how, /^(?:not read|revoked|failed .*)$/, what);
            hows.add(how.split(' ', 1)[0] ?? '');
            last = name === undefined;
            if (last) assert.deepEqual([how, told?.text], ['revoked', 'connector']);
          }
        }
        assert.deepEqual([...hows].sort(), ['failed', 'not', 'revoked']);
        await new Promise((resolve) => setImmediate(resolve));
        assert.ok(openDescriptors() <= openBefore);
      });

      if (!('peerPidFd' in without)) it('T1, T9, T20: a pidfd that cannot be looked at is no reason to tell senders apart by their pid', async function () {
        skipUnless(this, capabilities.peerPidFd && capabilities.uniquePidfdInodes, 'pidfds have no unique inodes: senders are told apart by pid and uid, and the port says so');
        stage.start('/usr/bin/python3', sender(stage.socketPath, 'SOCK_STREAM', 'sys.stdin.readline()'), { uid: SOMEBODY });
        const socket = await stage.accepted();
        const credentials = credentialsOf(socket);
        const stop = injectFaults(({ name }) => (name === 'statx' ? { errno: ENOMEM } : undefined));
        try {
          assert.throws(() => read(socket, credentials), { code: 'PLATFORM_SYSTEM', message: /statx\(\d+, AT_EMPTY_PATH\) of a pidfd: ENOMEM/ });
        } finally {
          stop();
          socket.destroy();
        }
      });

      it('T10: stops before what a set-uid program writes for its caller', async () => {
        const helper = stage.at('helper');
        copyFileSync(compiled('say'), helper);
        chmodSync(helper, 0o4755);
        const { told, peer } = await connected(`
import subprocess
subprocess.run([${JSON.stringify(helper)}, str(s.fileno()), 'helper'], pass_fds=[s.fileno()], stdin=sys.stdin)`);
        peer.child.stdin.write('go\n');
        assert.equal(await told.over, 'revoked');
        assert.deepEqual([told.text, told.refusal?.credentials?.uid], ['', SOMEBODY]);
      });

      it('T9: bytes that were sent before the accept have their sender, or revoke', async () => {
        const peer = stage.start('/usr/bin/python3', sender(stage.socketPath, 'SOCK_STREAM', 's.sendall(b"early")\nprint("sent", flush=True)\nsys.stdin.readline()'), { uid: SOMEBODY });
        await peer.expect('sent');
        const told = read(await stage.accepted());
        peer.child.stdin.end('go\n');
        const over = await told.over;
        assert.ok(over === 'ended' ? told.text === 'early' : told.refusal?.refused === 'sender-unknown' && told.text === '', over);
      });

      it('T20: has the kernel refuse descriptors where it can, since to close one can wait for ever', async function () {
        const [probe] = descriptors.pair(SOCK_STREAM);
        requireFeature(this, 'passrights', refuseRights(probe) === undefined, 'SO_PASSRIGHTS needs Linux 6.16');
        const { told, peer } = await connected('try: s.sendmsg([b"x"], [rights(1)])\nexcept PermissionError: s.sendall(b"EPERM")\ns.close()\nsys.stdin.readline()');
        peer.child.stdin.write('go\n');
        assert.equal(await told.over, 'ended');
        assert.equal(told.text, 'EPERM');
      });

      it('closes the descriptors that are sent along, and keeps none of its own', async () => {
        const stop = failOption(SO_PASSRIGHTS, ENOPROTOOPT);
        const { told, peer } = await connected('s.sendmsg([b"x"], [rights(200)])\ns.sendall(b"y")\ns.close()\nsys.stdin.readline()');
        const before = openDescriptors();
        peer.child.stdin.write('go\n');
        assert.equal(await told.over, 'ended');
        stop();
        assert.deepEqual([told.text, openDescriptors()], ['xy', before - 1]);
      });

      it('leaves bytes in the kernel while it is paused, so that the sender waits', async () => {
        const { told, peer } = await connected('s.setblocking(False)\ntry: s.sendall(b"x" * 10_000_000)\nexcept BlockingIOError: pass\nprint("full", flush=True)\nsys.stdin.readline()');
        told.more = () => false;
        peer.child.stdin.write('go\n');
        await peer.expect('full');
        await new Promise(setImmediate);
        assert.ok(told.chunks.length <= 1);
        told.more = () => true;
        told.reader.resume();
        peer.child.stdin.end();
        assert.equal(await told.over, 'ended');
      });

      it('tells nothing more after it was closed', async () => {
        const { told, peer, socket } = await connected('s.sendall(b"x")\nprint("sent", flush=True)\nsys.stdin.readline()');
        told.reader.close();
        told.reader.close();
        peer.child.stdin.write('go\n');
        await peer.expect('sent');
        await new Promise(setImmediate);
        assert.equal(told.text, '');
        assert.equal(socket.destroyed, false);
      });
    });
  }

  it('T9: names who sent at once, where the listening socket was prepared', async function () {
    const [probe] = descriptors.pair(SOCK_STREAM);
    requireFeature(this, 'passrights', refuseRights(probe) === undefined, 'options are inherited since Linux 6.16');
    const port = new LinuxHandoffPort();
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }).listen(stage.at('prepared'));
    await once(server, 'listening');
    assert.equal(port.prepare(socketFd(server) ?? assert.fail()), undefined);
    for (let n = 0; n < 20; n += 1) {
      const peer = stage.start('/usr/bin/python3', sender(stage.at('prepared'), 'SOCK_STREAM', 'for n in range(200): s.sendall(b"x")'));
      const [socket] = await once(server, 'connection') as [Socket];
      let size = 0;
      const over = await new Promise<string>((resolve) => {
        const opened = new LinuxPeerSource().open(connectionOf(socket));
        assert.ok(!isRefusal(opened));
        port.read(connectionOf(socket), opened.credentials, {
          bytes: (bytes) => { size += bytes.length; return true; },
          ended: () => { resolve('ended'); }, revoked: ({ detail }) => { resolve(detail); }, failed: (error) => { resolve(String(error)); },
        });
        opened.close();
      });
      assert.deepEqual([over, size], ['ended', 200]);
      socket.destroy();
      await peer.exited;
    }
    server.close();
  });

  it('is refused of a connection that was closed', () => {
    const gone = { fd: undefined, origin: undefined };
    const listener = { bytes: () => true, ended: () => undefined, revoked: () => undefined, failed: () => undefined };
    assert.throws(() => new LinuxHandoffPort().read(gone, { pid: 1, uid: 0, gid: 0 } as never, listener), { code: 'PLATFORM_SYSTEM' });
    assert.throws(() => new LinuxHandoffPort().read({ ...gone, fd: 1 << 20 as Fd }, { pid: 1, uid: 0, gid: 0 } as never, listener), { code: 'PLATFORM_SYSTEM' });
  });
});
