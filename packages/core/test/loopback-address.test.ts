import assert from 'node:assert/strict';
import { connect, createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { createGate, loopbackAddress, type Gate, type ListenTarget, type PortcullisError, type Transport } from '../dist/index.js';
import { fakeAttestor, fakePeerSource, stubPolicy } from '../dist/testing/index.js';

describe('a loopback address', () => {
  it('is any of 127.0.0.0/8, and ::1', () => {
    for (const host of ['127.0.0.1', '127.0.0.0', '127.255.255.255', '::1']) assert.equal(loopbackAddress(host), host);
  });

  it('is what it means where it is an IPv4 address in the form of an IPv6 one', () => {
    assert.deepEqual(['::ffff:127.0.0.1', '::FFFF:127.0.0.1', '::ffff:192.0.2.1'].map(loopbackAddress), ['127.0.0.1', '127.0.0.1', undefined]);
  });

  it('is no name, no number, and nothing else', () => {
    const others = ['localhost', '', '0.0.0.0', '::', '0', '127.1', '127.0.0.01', '127.0.0.256', '2130706433', '127.0.0.1 ', ' ::1', '::1%lo', '::ffff:', '::ffff:::1', '::127.0.0.1', '192.0.2.2', '128.0.0.1', '[::1]'];
    for (const host of others) assert.equal(loopbackAddress(host), undefined, host);
  });
});

describe('a gate that listens on a loopback port', () => {
  const gates: Gate[] = [];
  afterEach(async () => { for (const gate of gates.splice(0)) await gate.close({ drainMs: 0 }); });

  async function gate(transport?: Transport): Promise<Gate> {
    const source = { ...fakePeerSource(), ...(transport && { transport }) };
    const made = await createGate({ policy: stubPolicy({ allow: () => true }), peerSource: source, attestors: [fakeAttestor()] });
    gates.push(made);
    return made;
  }

  const refused = async (where: ListenTarget, transport?: Transport): Promise<string> => (await gate(transport)).listen(createServer(), where).then(() => 'listens', (error: unknown) => (error as PortcullisError).code);

  it('serves it, on the address alone that it was given', async () => {
    const made = await gate('tcp');
    const { server, path } = await made.listen((socket) => socket.end('hello'), { host: '::ffff:127.0.0.1', port: 0 });
    const { address, port } = server.address() as AddressInfo;
    assert.deepEqual([address, path], ['127.0.0.1', undefined]);
    const client = connect(port, '127.0.0.1');
    assert.equal(String((await once(client, 'data'))[0]), 'hello');
    client.destroy();
  });

  it('refuses addresses of a network and names', async () => {
    for (const host of ['0.0.0.0', '::', '192.0.2.2', 'localhost']) assert.equal(await refused({ host, port: 0 }, 'tcp'), 'LISTEN_NOT_LOOPBACK', host);
  });

  it('refuses ports that there are not, and one that is taken', async () => {
    for (const port of [-1, 65_536, 1.5, Number.NaN]) assert.equal(await refused({ host: '127.0.0.1', port }, 'tcp'), 'LISTEN_OPTIONS', String(port));
    const { server } = await (await gate('tcp')).listen(() => undefined, { host: '127.0.0.1', port: 0 });
    assert.equal(await refused({ host: '127.0.0.1', port: (server.address() as AddressInfo).port }, 'tcp'), 'LISTEN_IN_USE');
  });

  it('says that the peers of the other kind of socket cannot be attested, before anybody connects', async () => {
    assert.equal(await refused({ host: '127.0.0.1', port: 0 }), 'LISTEN_TARGET');
    assert.equal(await refused({ path: '/run/never.sock' }, 'tcp'), 'LISTEN_TARGET');
    assert.equal(await refused({ fd: 0 }, 'tcp'), 'LISTEN_TARGET');
  });
});
