import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { createGate, DescriptorBudget, type BindOptions, type HandoffListener, type HandoffPort, type LeaseTerms, type Revocation } from '../dist/index.js';
import { allowUids, fakeAttestor, fakePeerSource, stubPolicy } from '../dist/testing/index.js';
import { Gated, until } from './support/gated.js';

const TERMS: LeaseTerms = { onPeerExit: 'revoke', onExec: 'ignore', handoff: 'deny' };
const DENIED = stubPolicy({ name: 'denied', keys: [], terms: TERMS, allow: () => true });

/** A port whose readers tell what a test tells them. That the kernel names senders is proved with the Linux port. */
class FakePort implements HandoffPort {
  weakness: string | undefined;
  prepared = 0;
  closed = 0;
  fails: Error | undefined;
  preparing: string | undefined;
  readonly listeners: HandoffListener[] = [];

  prepare(): string | undefined {
    this.prepared += 1;
    return this.preparing;
  }

  read(_: unknown, __: unknown, listener: HandoffListener) {
    if (this.fails !== undefined) throw this.fails;
    this.listeners.push(listener);
    return { pause: () => undefined, resume: () => undefined, keepAlive: () => undefined, close: () => { this.closed += 1; } };
  }
}

describe('gate: `handoff: deny`, with fakes', () => {
  let gated: Gated | undefined;
  let port: FakePort;
  beforeEach(() => { port = new FakePort(); });
  afterEach(async () => {
    await gated?.end();
    gated = undefined;
  });
  async function start(...[options, ...rest]: Parameters<typeof Gated.start>): Promise<Gated> {
    return (gated = await Gated.start({ policy: DENIED, handoffPort: port, ...options }, ...rest));
  }

  it('is refused by name where nobody can read with senders, as the policy of the start and as a later one', async () => {
    await assert.rejects(Gated.start({ policy: DENIED }), { code: 'PLATFORM_UNSUPPORTED' });
    gated = await Gated.start();
    await assert.rejects(gated.gate.setPolicy(DENIED), { code: 'PLATFORM_UNSUPPORTED' });
    assert.equal(gated.gate.policy.name, 'stub');
  });

  it('costs nothing where no rule says it', async () => {
    await start({ policy: allowUids(1000) });
    await gated!.client().welcomed();
    assert.deepEqual([port.prepared, port.listeners.length], [0, 0]);
  });

  it('has the listening socket named before it accepts, and again with a policy that comes later', async () => {
    await start();
    assert.equal(port.prepared, 1);
    await gated!.end();
    port.prepared = 0;
    await start({ policy: allowUids(1000) });
    await gated!.gate.setPolicy(DENIED);
    assert.equal(port.prepared, 1);
  });

  it('keeps the policy that works where the listening socket cannot name senders', async () => {
    await start({ policy: allowUids(1000) });
    port.preparing = 'setsockopt(…): EPERM';
    await assert.rejects(gated!.gate.setPolicy(DENIED), { code: 'PLATFORM_SYSTEM' });
    assert.equal(gated!.gate.policy.name, 'stub');
  });

  it('ends nothing in observe mode, in which no connection is held to anything', async () => {
    await start({ observe: true });
    await gated!.client('unread').welcomed();
    await until(() => gated!.received.length > 0);
    assert.deepEqual([port.listeners.length, gated!.received], [0, ['unread']]);
  });

  it('is no business of a candidate, which nobody is held to', async () => {
    await start({ policy: allowUids(1000), candidate: DENIED });
    await gated!.client('unread').welcomed();
    await until(() => gated!.received.length > 0);
    assert.deepEqual([port.prepared, port.listeners.length], [0, 0]);
  });

  it('warns of a kernel that tells senders apart less well', async () => {
    port.weakness = 'pids only';
    await start();
    assert.deepEqual(gated!.gate.warnings, ['under `handoff: deny` pids only']);
  });

  it('gives the application what the reader tells, and nothing that the socket holds', async () => {
    await start();
    await gated!.client('unread').welcomed();
    port.listeners[0]?.bytes(Buffer.from('told'));
    await until(() => gated!.received.length > 0);
    assert.deepEqual(gated!.received, ['told']);
  });

  it('ends the connection with a record of its own where another process sent', async () => {
    await start();
    const revocations: Revocation[] = [];
    gated!.gate.on('revoked', (revocation) => { revocations.push(revocation); });
    const client = gated!.client();
    await client.welcomed();
    port.listeners[0]?.revoked({ refused: 'sender-not-connector', detail: 'pid 2 sent' });
    assert.deepEqual([gated!.connections[0]?.destroyed, port.closed], [true, 1]);
    await client.ended;
    await until(() => revocations.length > 0);
    assert.deepEqual(revocations.map(({ cause, word, detail }) => [cause, word, detail]), [['foreign-sender', 'handoff', 'pid 2 sent']]);
    await until(() => gated!.gate.load.live === 0);
  });

  it('refuses who cannot be read with senders (I2)', async () => {
    await start();
    port.fails = new Error('EMFILE');
    assert.equal(await gated!.seen(), '');
    await gated!.recorded(1);
    assert.deepEqual([gated!.records[0]?.decision.cause, gated!.connections.length], ['defect', 0]);
  });

  it('counts its descriptor, refuses by name where there is none, and gives it back', async () => {
    const budget = new DescriptorBudget({ limit: 67, used: 0 }, 1);
    await start({ budget });
    for (let round = 0; round < 3; round += 1) {
      const first = gated!.client();
      await first.welcomed();
      assert.equal(await gated!.seen(), '');
      await gated!.recorded(2 * round + 2);
      const { decision } = gated!.records[2 * round + 1]!;
      assert.deepEqual([decision.cause, decision.code], ['capacity', 'descriptor-limit']);
      gated!.connections[round]?.removeAllListeners(); // as for another protocol: it is given back all the same
      gated!.connections[round]?.resume();
      first.socket.destroy();
      port.listeners[round]?.ended();
      await until(() => gated!.gate.load.live === 0);
    }
  });

  it('has a socket that the gate makes named before anybody can find it', async () => {
    const named: unknown[] = [];
    const listenPort = { bind: ({ nameSenders }: BindOptions): never => { named.push(nameSenders); throw new Error('enough'); }, adopt: () => undefined };
    for (const policy of [DENIED, allowUids(1000)]) {
      const gate = await createGate({ policy, handoffPort: port, listenPort, peerSource: fakePeerSource(), attestors: [fakeAttestor()] });
      await assert.rejects(gate.listen(createServer(), { path: '/run/nowhere' }), /enough/);
      await gate.close();
    }
    assert.deepEqual(named, [true, undefined]);
  });

  it('refuses a connection that somebody read before (I1)', async () => {
    const inner = createServer((socket) => { socket.write('welcome'); });
    let pauses = false;
    await start({ policy: allowUids(1000) }, createServer((socket) => {
      socket.once('data', () => {
        if (pauses) socket.pause();
        inner.emit('connection', socket);
      });
    }));
    const other = await Gated.start({ policy: DENIED, handoffPort: port, peerSource: fakePeerSource() }, inner);
    for (const count of [1, 2]) {
      assert.equal(await gated!.seen('first'), '');
      await other.recorded(count);
      assert.deepEqual([other.records.at(-1)?.decision.cause, port.listeners.length], ['defect', 0]);
      pauses = true;
    }
    await other.end();
  });
});
