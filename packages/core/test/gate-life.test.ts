import assert from 'node:assert/strict';
import { createServer as createHttpServer } from 'node:http';
import { createServer, Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import { createGate, DescriptorBudget, type Attestor, type Findings, type GateOptions, type PeerRefusal, type Policy } from '../dist/index.js';
import { allowUids, fakeAttestor, fakeDefinition, fakePeerSource, findingsOf, type FakePeerFacts } from '../dist/testing/index.js';
import { Deferred, Gated, slowAttestor, until } from './support/gated.js';

const error = new Error('defect');
const raise = (): never => { throw error; };
const uid1000 = findingsOf({ 'unix:uid': 1000 });

describe('gate: room, refusals, listening and its end, with fakes', () => {
  let gated: Gated | undefined;
  afterEach(async () => {
    await gated?.end();
    gated = undefined;
  });
  async function start(...args: Parameters<typeof Gated.start>): Promise<Gated> {
    return (gated = await Gated.start(...args));
  }

  it('is not made with a key to collect that nobody establishes', async () => {
    await assert.rejects(Gated.start({ collect: ['unix:uidd'] }), { code: 'GATE_OPTIONS' });
  });

  describe('room', () => {
    it('is refused by name where the budget has none, and given back by those who leave', async () => {
      await start({ budget: new DescriptorBudget({ limit: 65, used: 0 }, 1) });
      const first = gated!.client();
      await first.welcomed();
      assert.equal(await gated!.seen(), '');
      await gated!.recorded(2);
      assert.deepEqual([gated!.records[1]?.decision.cause, gated!.records[1]?.decision.code], ['capacity', 'descriptor-limit']);
      first.socket.destroy();
      await until(() => gated!.gate.load.live === 0);
      await gated!.client().welcomed();
    });

    it('is given back by who left before its turn, and reaches nobody', async () => {
      await start({ peerSource: fakePeerSource(({ fd }): FakePeerFacts | PeerRefusal => (fd === undefined ? { refused: 'no-descriptor', detail: 'none' } : {})) });
      const socket = new Socket();
      gated!.server.emit('connection', socket);
      assert.equal(gated!.gate.load.live, 1); // it counts from when it comes
      socket.destroy();
      assert.deepEqual((await gated!.recorded(1)).map(({ decision }) => decision.code), ['no-descriptor']);
      assert.deepEqual([gated!.connections.length, gated!.gate.load.live], [0, 0]);
    });

    it('is taken once by a socket that goes from one server of the gate to another', async () => {
      const budget = new DescriptorBudget({ limit: 66, used: 0 }, 1);
      const inner = createServer((socket) => { socket.resume().write('welcome'); });
      await start({ budget }, createServer((socket) => { inner.emit('connection', socket); }));
      gated!.gate.guard(inner);
      const client = gated!.client();
      await client.welcomed();
      assert.equal(budget.taken, 1);
      client.socket.destroy();
      await until(() => gated!.gate.load.live === 0);
      assert.equal(budget.taken, 0);
    });

    it('closes each peer once: of the admitted, the refused and the lost', async () => {
      const answers: (FakePeerFacts | PeerRefusal)[] = [{}, { uid: 7 }, { lost: () => ({ refused: 'peer-exited', detail: 'gone' }) }];
      const peerSource = fakePeerSource(() => answers.shift() ?? {});
      await start({ peerSource });
      await gated!.client().welcomed();
      await gated!.seen();
      await gated!.seen();
      await gated!.recorded(3);
      assert.deepEqual(gated!.records.map(({ decision }) => decision.cause), ['rule', 'default', 'peer-lost']);
      assert.deepEqual(peerSource.peers.map(({ closed }) => closed), [1, 1, 1]);
    });

    it('closes peers at once where nobody wants a record', async () => {
      const peerSource = fakePeerSource();
      const gate = await createGate({ policy: allowUids(1000), peerSource, attestors: [fakeAttestor()] });
      const server = createServer();
      gate.guard(server);
      server.emit('connection', new Socket());
      await until(() => peerSource.peers.length > 0);
      assert.deepEqual(peerSource.peers.map(({ closed }) => closed), [1]);
    });
  });

  describe('a refusal in HTTP', () => {
    it('is written by the gate, and read by a client that sent more than it is worth', async () => {
      await start({ policy: allowUids(7), refusal: 'http' }, createHttpServer(() => { gated!.received.push('request'); }));
      const client = gated!.client(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n${'x'.repeat(900_000)}`);
      await client.ended;
      assert.match(client.text, /^HTTP\/1\.1 403 /);
      assert.deepEqual([client.errors, gated!.received], [[], []]);
      await until(() => gated!.gate.load.live === 0);
    });

    it('is not what a client gets for whom there is no room', async () => {
      await start({ refusal: 'http', budget: new DescriptorBudget({ limit: 64, used: 0 }, 1) });
      assert.equal(await gated!.seen(), '');
    });

    it('leaves room for those who are admitted, however many refused peers linger (T20)', async () => {
      let uid = 7;
      await start({ policy: allowUids(1000), peerSource: fakePeerSource(() => ({ uid })), refusal: 'http', budget: new DescriptorBudget({ limit: 64 + 40, used: 0 }, 1) });
      for (let count = 0; count < 40; count += 1) gated!.client().socket.pause(); // never sees the end, so never hangs up
      await gated!.recorded(40);
      await until(() => gated!.gate.load.live <= 16);
      assert.equal(gated!.gate.load.live, 16);
      uid = 1000;
      await gated!.client().welcomed();
      // Whoever leaves makes room for the next one to be told.
      gated!.gate.destroy();
      await until(() => gated!.gate.load.live === 0);
      uid = 7;
      assert.match(await gated!.seen(), /^HTTP\/1\.1 403 /);
    });

    it('is no option before TLS', async () => {
      await start({ refusal: 'http' });
      assert.throws(() => { gated!.gate.guard(createTlsServer()); }, { code: 'GATE_OPTIONS' });
    });
  });

  describe('guarding and listening', () => {
    it('puts no second gate before a server', async () => {
      await start();
      assert.throws(() => { gated!.gate.guard(gated!.server); }, { code: 'GATE_GUARDED_TWICE' });
      const other = await createGate({ policy: allowUids(), peerSource: fakePeerSource(), attestors: [] });
      assert.throws(() => { other.guard(gated!.server); }, { code: 'GATE_GUARDED_TWICE' });
      await assert.rejects(other.listen(gated!.server, { fd: 0 }), { code: 'GATE_GUARDED_TWICE' });
      await other.close();
    });

    it('does not listen twice with one server', async () => {
      await start();
      await assert.rejects(gated!.gate.listen(gated!.server, { fd: 0 }), { code: 'LISTEN_TARGET' });
    });

    it('makes no socket without a listen port', async () => {
      await start();
      await assert.rejects(gated!.gate.listen(createServer(), { path: gated!.path }), { code: 'PLATFORM_UNSUPPORTED' });
    });

    const wrong: Readonly<Record<string, Partial<GateOptions>>> = {
      'a deadline of nothing': { deadlineMs: 0 },
      'a deadline that is no number': { deadlineMs: NaN },
      'a deadline beyond the timers of Node, which would fire at once': { deadlineMs: 2 ** 31 },
      'a refresh beyond the timers of Node': { refreshMs: 2 ** 31 },
      'a refresh in the past': { refreshMs: -1 },
      'no pending admission': { maxPending: 0 },
      'half a pending admission': { maxPendingPerUid: 0.5 },
      'two attestors of one name': { attestors: [fakeAttestor({ selectors: [] }), fakeAttestor({ selectors: [] })] },
    };
    for (const [what, options] of Object.entries(wrong)) {
      it(`refuses the options: ${what}`, async () => {
        await assert.rejects(createGate({ policy: allowUids(), peerSource: fakePeerSource(), attestors: [], ...options }), { code: 'GATE_OPTIONS' });
      });
    }
  });

  describe('an orderly end', () => {
    it('lets live connections end by themselves', async () => {
      await start();
      const client = gated!.client();
      await client.welcomed();
      let closed = false;
      const closing = gated!.gate.close({ drainMs: Infinity }).then(() => { closed = true; });
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.equal(closed, false);
      client.socket.end();
      await closing;
    });

    it('ends them when the time to drain is over', async () => {
      await start();
      const client = gated!.client();
      await client.welcomed();
      await gated!.gate.close({ drainMs: 1 });
      await client.ended;
    });

    it('ends them at once when it is told to', async () => {
      await start();
      const client = gated!.client();
      await client.welcomed();
      const closing = gated!.gate.close();
      gated!.gate.destroy();
      await Promise.all([closing, client.ended]);
    });

    it('refuses what waits, without waiting for its answer', async () => {
      const { attestor, answers } = slowAttestor();
      const peerSource = fakePeerSource();
      await start({ attestors: [attestor], peerSource });
      const seen = gated!.seen();
      await until(() => answers.length === 1);
      await gated!.gate.close({ drainMs: 3_600_000 });
      assert.equal(await seen, '');
      assert.deepEqual([gated!.records[0]?.decision.cause, gated!.connections.length, peerSource.peers[0]?.closed], ['closing', 0, 1]);
    });

    for (const observe of [false, true]) {
      it(`refuses what was destroyed while it waited, by name, whatever is answered then${observe ? ', and admits nobody where it observes' : ''}`, async () => {
        const { attestor, answers } = slowAttestor();
        const peerSource = fakePeerSource();
        await start({ attestors: [attestor], peerSource, observe });
        const events: string[] = [];
        gated!.gate.on('admitted', () => events.push('admitted')).on('denied', () => events.push('denied'));
        const gone = new Socket();
        gated!.server.emit('connection', gone);
        await until(() => answers.length === 1);
        const client = gated!.client();
        await until(() => answers.length === 2);
        gone.destroy(); // not by the gate
        gated!.gate.destroy();
        for (const answer of answers) answer.resolve(uid1000);
        await client.ended;
        const records = await gated!.recorded(2);
        assert.deepEqual(records.map(({ decision, admitted }) => [decision.effect, decision.cause, decision.code, admitted]), [['deny', 'peer-lost', 'no-descriptor', false], ['deny', 'closing', undefined, false]]);
        assert.deepEqual([events, gated!.connections.length, peerSource.peers.map(({ closed }) => closed)], [['denied', 'denied'], 0, [1, 1]]);
      });
    }

    it('records nobody as admitted who would not have been, and was destroyed, where it observes', async () => {
      const { attestor, answers } = slowAttestor();
      await start({ attestors: [attestor], observe: true });
      gated!.client();
      await until(() => answers.length === 1);
      gated!.gate.destroy();
      answers[0]!.resolve(findingsOf({ 'unix:uid': 7 }));
      assert.deepEqual((await gated!.recorded(1)).map(({ decision, admitted }) => [decision.cause, admitted]), [['default', false]]);
    });

    it('refuses what came in the same turn and was not looked at yet, by name, and opens no peer for it', async () => {
      const peerSource = fakePeerSource();
      await start({ peerSource });
      gated!.server.emit('connection', new Socket());
      await gated!.gate.close({ drainMs: 3_600_000 });
      assert.deepEqual((await gated!.recorded(1)).map(({ decision }) => decision.cause), ['closing']);
      assert.deepEqual([gated!.connections.length, peerSource.peers.length, gated!.gate.load.live], [0, 0, 0]);
    });

    it('refuses what still comes, by name', async () => {
      await start();
      await gated!.gate.close();
      assert.equal(await gated!.seen(), '');
      assert.deepEqual((await gated!.recorded(1)).map(({ decision }) => decision.cause), ['closing']);
    });

    it('is one end, however often it is asked for', async () => {
      let closed = 0;
      await start({ attestors: [fakeAttestor({ close: () => { closed += 1; } })] });
      const [one, two] = [gated!.gate.close(), gated!.gate.close()];
      assert.equal(one, two);
      await one;
      await gated!.gate.close();
      assert.equal(closed, 1);
    });

    it('has told every record before, those with late shadow answers included', async () => {
      const shadow = new Deferred<Findings>();
      const attestor = fakeAttestor({ attest: ({ wanted }) => (wanted[0] === 'unix:uid' ? uid1000 : shadow.promise), selectors: [fakeDefinition('unix:uid'), fakeDefinition('fake:slow')] });
      await start({ attestors: [attestor], collect: ['fake:slow'] });
      const client = gated!.client();
      await client.welcomed();
      client.socket.destroy();
      const closing = gated!.gate.close();
      await turn();
      assert.equal(gated!.records.length, 0);
      shadow.resolve(findingsOf({ 'fake:slow': 1 }));
      await closing;
      assert.deepEqual(gated!.records.map(({ evidence }) => evidence.get('fake:slow')?.state), ['present']);
    });

    it('tells a record without the answers that are too late for the end', async () => {
      const attestor = fakeAttestor({ attest: ({ wanted }) => (wanted[0] === 'unix:uid' ? uid1000 : new Promise(() => undefined)), selectors: [fakeDefinition('unix:uid'), fakeDefinition('fake:slow'), fakeDefinition('fake:slower', { cost: 'digest' })] });
      const wantedByShadow: Policy['wantedByShadow'] = (evidence) => new Set([evidence.has('fake:slow') ? 'fake:slower' as const : 'fake:slow' as const]);
      await start({ attestors: [attestor], policy: { ...allowUids(1000), wantedByShadow } });
      const client = gated!.client();
      await client.welcomed();
      await turn();
      await gated!.gate.close({ drainMs: 1 });
      assert.deepEqual(gated!.records.map(({ evidence }) => [evidence.get('fake:slow'), evidence.get('fake:slower')]), [[{ state: 'unknown', why: 'timeout' }, undefined]]);
    });

    it('closes every attestor, though one cannot be', async () => {
      let closed = 0;
      const attestors: Attestor[] = [fakeAttestor({ name: 'bad', selectors: [], close: raise }), fakeAttestor({ close: () => { closed += 1; } })];
      await start({ attestors });
      await gated!.gate.close();
      assert.deepEqual([closed, gated!.failures], [1, [{ where: 'close', error }]]);
    });

    it('leaves attestors alone that belong to somebody else', async () => {
      await start({ sharedAttestors: true, attestors: [fakeAttestor({ close: raise })] });
      await gated!.gate.close();
      assert.deepEqual(gated!.failures, []);
    });

    it('leaves nothing to listen with', async () => {
      await start();
      await gated!.gate.close();
      await assert.rejects(gated!.gate.listen(createServer(), { fd: 0 }), { code: 'GATE_CLOSED' });
    });
  });
});
