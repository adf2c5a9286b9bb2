import assert from 'node:assert/strict';
import { fstatSync, openSync } from 'node:fs';
import { attestorHost, ServerRefused, type ConnectPort, type Fd, type PeerRefusal } from '../dist/index.js';
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
});
