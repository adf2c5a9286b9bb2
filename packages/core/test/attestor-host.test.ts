import assert from 'node:assert/strict';
import { once } from 'node:events';
import { fstatSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { connect as connectTo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attestorHost, ServerRefused, socketFd, type ConnectPort, type Fd, type PeerRefusal } from '../dist/index.js';
import { fakePeerSource } from '../dist/testing/index.js';

/** That the user is who the kernel says takes real servers: see attestor-container/test/daemon.root.test.ts. */
describe('what attestors that ask services are offered', () => {
  let connected: Fd[];
  beforeEach(() => { connected = []; });

  function host(uid: number, more: Partial<ConnectPort> = {}) {
    const connect = (): Fd => {
      const fd = openSync('/dev/null', 'r') as Fd;
      connected.push(fd);
      return fd;
    };
    return attestorHost({ peerSource: fakePeerSource({ uid }), connectPort: { connect, examine: () => undefined, ...more } });
  }

  it('refuses a service of another user, says whose it is, and leaves no connection', async () => {
    const error = await host(1000).connect('/run/service', 0, 1000).then(() => assert.fail('it was admitted'), (reason: unknown) => reason);
    assert.ok(error instanceof ServerRefused);
    assert.deepEqual([error.facts['cause'], error.facts['uid']], ['default', 1000]);
    assert.deepEqual(error.admission.nearest?.failed.map(({ key, expected, observed }) => [key, expected, observed]), [['unix:uid', '0', [1000]]]);
    assert.throws(() => fstatSync(connected[0]!), { code: 'EBADF' });
  });

  it('takes a listener that was handed on for its maker\'s, and no other doubt', async () => {
    const examine = (refused: PeerRefusal['refused']) => ({ examine: (): PeerRefusal => ({ refused, detail: 'seen' }) });
    await assert.rejects(host(0, examine('socket-not-connected')).connect('/run/service', 0, 1000), { code: 'SERVER_REFUSED' });
    await assert.rejects(host(7, examine('listener-inherited')).connect('/run/service', 0, 1000), { code: 'SERVER_REFUSED' });
  });

  it('waits no longer than it is told', async () => {
    await assert.rejects(host(0, { connect: () => undefined }).connect('/run/service', 0, 20), { code: 'CONNECT_TIMEOUT' });
  });

  describe('hands a peer on', () => {
    const server = createServer();
    let folder: string;
    let heard: Promise<string>;
    let socket: Socket;
    const peer = fakePeerSource().open({ fd: undefined, origin: undefined });
    before(async () => {
      folder = mkdtempSync(join(tmpdir(), 'portcullis-host-'));
      await once(server.listen(join(folder, 's')), 'listening');
    });
    beforeEach(async () => {
      heard = new Promise((resolve) => {
        server.once('connection', (theirs: Socket) => {
          let text = '';
          theirs.setEncoding('utf8').on('data', (some: string) => { text += some; }).on('end', () => { resolve(text); });
        });
      });
      socket = connectTo(join(folder, 's'));
      await once(socket, 'connect');
    });
    after(() => { server.close(); rmSync(folder, { recursive: true }); });

    function write(text: string, sendPeer?: NonNullable<ConnectPort['sendPeer']>): boolean {
      assert.ok(!('refused' in peer));
      return host(0, sendPeer === undefined ? {} : { sendPeer }).writeWithPeer(socket, Buffer.from(text), peer);
    }

    it('by the platform, with the bytes in their order: the rest of what went out, and what is written after it', async () => {
      socket.write('1');
      const sent = write('2345', (fd, bytes, given) => {
        assert.deepEqual([fd, given], [socketFd(socket), peer]);
        return writeSync(fd, bytes.subarray(0, 1));
      });
      assert.equal(sent, true);
      socket.end('6');
      assert.equal(await heard, '123456');
    });

    it('never where other bytes still wait, nor where platform or peer cannot, nor after the end: nothing is written', async () => {
      const never = (): never => assert.fail('it was asked');
      assert.equal(write('x'), false);
      assert.equal(write('x', () => undefined), false);
      socket.cork();
      socket.write('a');
      assert.equal(write('x', never), false);
      socket.uncork();
      socket.end();
      assert.equal(write('x', never), false);
      assert.equal(await heard, 'a');
      socket.destroy();
      assert.equal(write('x', never), false);
    });
  });
});
