import assert from 'node:assert/strict';
import { createServer, Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { admissionOf, createGate, DescriptorBudget, type GateOptions, type PeerRefusal } from '../dist/index.js';
import { allowUids, fakeAttestor, fakePeerSource, findingsOf, stubPolicy, type FakePeerFacts } from '../dist/testing/index.js';
import { Deferred, Gated, slowAttestor, until } from './support/gated.js';

const error = new Error('defect');
const raise = (): never => { throw error; };
const uid1000 = findingsOf({ 'unix:uid': 1000 });

describe('gate: flow, with fakes', () => {
  let gated: Gated | undefined;
  afterEach(async () => {
    await gated?.end();
    gated = undefined;
  });
  async function start(...args: Parameters<typeof Gated.start>): Promise<Gated> {
    return (gated = await Gated.start(...args));
  }

  describe('nothing passes before the answer (I1)', () => {
    it('hands an admitted connection on, with what it sent', async () => {
      await start();
      await gated!.client('hello').welcomed();
      await until(() => gated!.received.length > 0);
      assert.deepEqual([gated!.connections.length, gated!.received.join('')], [1, 'hello']);
      assert.equal(admissionOf(gated!.connections[0]!).decision.effect, 'allow');
    });

    it('ends a refused connection, and the application never hears of it', async () => {
      await start({ policy: allowUids(7) });
      assert.equal(await gated!.seen(), '');
      assert.deepEqual([gated!.connections, gated!.received], [[], []]);
      assert.equal((await gated!.recorded(1))[0]?.decision.effect, 'deny');
    });

    it('reads nothing while an answer is awaited', async () => {
      const { attestor, answers } = slowAttestor();
      const peerSource = fakePeerSource();
      await start({ attestors: [attestor], peerSource });
      const client = gated!.client('hello');
      let readBefore: number | undefined;
      gated!.server.prependListener('connection', (socket) => { readBefore = socket.bytesRead; });
      await until(() => answers.length === 1);
      for (let i = 0; i < 20; i += 1) await turn();
      assert.deepEqual([gated!.connections.length, gated!.gate.load.pending], [0, 1]);
      answers[0]!.resolve(uid1000);
      await client.welcomed();
      await until(() => gated!.received.join('') === 'hello');
      assert.deepEqual([gated!.gate.load.pending, readBefore], [0, 0]);
    });

    it('reads for an application that has not begun to, as Node does', async () => {
      const sockets: Socket[] = [];
      await start({}, createServer((socket) => { sockets.push(socket.on('error', () => undefined)); }));
      gated!.client('hello');
      await until(() => sockets[0]?.bytesRead === 5);
      sockets[0]!.destroy();
    });

    it('leaves the sockets of a server paused that wants them so', async () => {
      const sockets: Socket[] = [];
      await start({}, createServer({ pauseOnConnect: true }, (socket) => { sockets.push(socket.on('error', () => undefined)); }));
      gated!.client('hello');
      await until(() => sockets.length === 1);
      for (let i = 0; i < 20; i += 1) await turn();
      assert.deepEqual([sockets[0]!.bytesRead, sockets[0]!.readableFlowing], [0, false]);
      sockets[0]!.destroy();
    });

    it('calls the application in the turn of the accept: no microtask runs between (sync path)', async () => {
      let ran: boolean | undefined;
      const order: boolean[] = [];
      const source = fakePeerSource(() => {
        ran = false;
        queueMicrotask(() => { ran = true; });
        return {};
      });
      await start({ peerSource: source });
      gated!.server.on('connection', () => { order.push(ran!); });
      await gated!.client().welcomed();
      assert.deepEqual(order, [false]);
    });

    it('refuses a socket without a descriptor of ours that somebody injects', async () => {
      const source = fakePeerSource(({ fd }): FakePeerFacts | PeerRefusal => (fd === undefined ? { refused: 'no-descriptor', detail: 'none' } : {}));
      await start({ peerSource: source });
      const socket = new Socket();
      gated!.server.emit('connection', socket);
      await until(() => socket.destroyed);
      assert.equal(gated!.connections.length, 0);
    });

    it('knows no admission of what came through no gate', () => {
      assert.throws(() => admissionOf(new Socket()), { code: 'ADMISSION_MISSING' });
      const loop: { socket?: object } = {};
      loop.socket = loop;
      assert.throws(() => admissionOf(loop), { code: 'ADMISSION_MISSING' });
    });

    it('admits anew a socket that goes from one gate\'s server to another\'s', async () => {
      const inner = createServer((socket) => { socket.resume().end(`inner ${admissionOf(socket).listener}`); });
      const gate = await createGate({ policy: allowUids(1000), peerSource: fakePeerSource(), attestors: [fakeAttestor()], listener: 'second' });
      gate.guard(inner);
      await start({ listener: 'first' }, createServer((socket) => { inner.emit('connection', socket); }));
      assert.equal(await gated!.seen(), 'inner second');
      await gate.close();
    });
  });

  describe('a defect refuses and breaks nothing (I2)', () => {
    const cases: Readonly<Record<string, Partial<GateOptions>>> = {
      'the peer source throws': { peerSource: { name: 'bad', open: raise } },
      'the policy throws': { policy: stubPolicy({ allow: raise }) },
      'an attestor throws': { attestors: [fakeAttestor({ attest: raise })] },
      'an attestor rejects': { attestors: [fakeAttestor({ attest: () => Promise.reject(error) })] },
    };
    for (const [what, options] of Object.entries(cases)) {
      it(`where ${what}: each connection anew`, async () => {
        await start(options);
        assert.deepEqual([await gated!.seen(), await gated!.seen()], ['', '']);
        const records = await gated!.recorded(2);
        assert.deepEqual(records.map(({ decision, failure }) => [decision.effect, decision.cause, failure]), [['deny', 'defect', error], ['deny', 'defect', error]]);
        assert.deepEqual(gated!.failures, [{ where: 'attest', error }, { where: 'attest', error }]);
        assert.equal(gated!.connections.length, 0);
      });
    }

    it('where a peer cannot be closed: reported, and the decision stands', async () => {
      const source = fakePeerSource();
      const open = source.open.bind(source);
      await start({ peerSource: { name: 'bad', open: (connection) => Object.assign(open(connection), { close: raise }) } });
      await gated!.client().welcomed();
      await until(() => gated!.failures.length > 0);
      assert.deepEqual(gated!.failures[0], { where: 'record', error });
    });

    it('where a peer cannot be closed and nobody listens', async () => {
      const source = fakePeerSource();
      const open = source.open.bind(source);
      const gate = await createGate({ policy: allowUids(1000), attestors: [fakeAttestor()], peerSource: { name: 'bad', open: (connection) => Object.assign(open(connection), { close: raise }) } });
      let passed = 0;
      const server = createServer(() => { passed += 1; });
      gate.guard(server);
      server.emit('connection', new Socket());
      await until(() => passed === 1);
    });

    it('where the sink, a listener, and the listener of failures throw', async () => {
      await start({ sink: { record: raise } });
      const told: string[] = [];
      gated!.gate.on('failed', raise).on('admitted', raise).on('admitted', () => { told.push('admitted'); }).on('failed', ({ where }) => { told.push(where); });
      await gated!.client().welcomed();
      await gated!.client().welcomed();
      await until(() => told.length >= 6);
      assert.deepEqual(told, ['sink', 'event', 'admitted', 'sink', 'event', 'admitted']);
    });

    it('where the sink, a listener, and the listener of failures return promises that reject: nobody waits, and the process stays', async () => {
      const reject = async (): Promise<void> => { await Promise.resolve(); raise(); };
      await start({ sink: { record: reject } });
      const told: string[] = [];
      const listener = reject as () => void;
      gated!.gate.on('failed', listener).on('admitted', listener).on('failed', ({ where }) => { told.push(where); });
      await gated!.client().welcomed();
      await until(() => told.length >= 2);
      assert.deepEqual(told, ['sink', 'event']);
    });

    it('tells listeners after the decision was carried out', async () => {
      const order: string[] = [];
      await start({ sink: { record: () => { order.push('sink'); } } });
      gated!.gate.on('admitted', () => { order.push('event'); });
      gated!.server.on('connection', () => { order.push('application'); });
      await gated!.client().welcomed();
      await until(() => order.length === 3);
      assert.deepEqual(order, ['application', 'sink', 'event']);
    });
  });

  describe('late answers', () => {
    it('that never come end at the deadline', async () => {
      await start({ attestors: [fakeAttestor({ attest: () => new Promise(() => undefined) })], deadlineMs: 1 });
      assert.equal(await gated!.seen(), '');
      assert.deepEqual([(await gated!.recorded(1))[0]?.decision.cause, gated!.gate.load.pending], ['deadline', 0]);
    });

    it('keep the bytes and the end of a client that sent and closed at once', async () => {
      const { attestor, answers } = slowAttestor();
      await start({ attestors: [attestor] });
      const client = gated!.client('last words');
      client.socket.end();
      await until(() => answers.length === 1);
      let ended = false;
      gated!.server.on('connection', (socket) => socket.on('end', () => { ended = true; }));
      answers[0]!.resolve(uid1000);
      await until(() => ended);
      assert.equal(gated!.received.join(''), 'last words');
    });

    it('for a client that went away meanwhile harm nobody', async () => {
      const { attestor, answers } = slowAttestor();
      const peerSource = fakePeerSource();
      await start({ attestors: [attestor], peerSource });
      const client = gated!.client();
      await until(() => answers.length === 1);
      client.socket.destroy();
      await client.ended;
      answers[0]!.resolve(findingsOf({ 'unix:uid': 7 }));
      await gated!.recorded(1);
      await until(() => gated!.gate.load.live === 0);
      assert.deepEqual(peerSource.peers.map(({ closed }) => closed), [1]);
    });

    it('are capped in all', async () => {
      const { attestor, answers } = slowAttestor();
      await start({ attestors: [attestor], maxPending: 1 });
      const first = gated!.client();
      await until(() => answers.length === 1);
      assert.equal(await gated!.seen(), '');
      assert.deepEqual([gated!.records[0]?.decision.cause, gated!.records[0]?.decision.code], ['capacity', 'pending-limit']);
      answers[0]!.resolve(uid1000);
      await first.welcomed();
    });

    it('are capped for each uid, while another uid is served, and places come back', async () => {
      const { attestor, answers } = slowAttestor();
      let uid = 1000;
      await start({ attestors: [attestor], maxPendingPerUid: 1, peerSource: fakePeerSource(() => ({ uid })), policy: allowUids(1000, 2000) });
      const first = gated!.client();
      await until(() => answers.length === 1);
      assert.equal(await gated!.seen(), '');
      assert.deepEqual([gated!.records[0]?.decision.code, answers.length], ['pending-limit-uid', 2]);
      uid = 2000;
      const other = gated!.client();
      await until(() => answers.length === 3);
      answers[2]!.resolve(findingsOf({ 'unix:uid': 2000 }));
      await other.welcomed();
      answers[0]!.resolve(uid1000);
      await first.welcomed();
      uid = 1000;
      const again = gated!.client();
      await until(() => answers.length === 4);
      answers[3]!.resolve(uid1000);
      await again.welcomed();
    });

    it('of one uid take a quarter of the places at most, however few there are (T20)', async () => {
      const { attestor, answers } = slowAttestor();
      let uid = 1000;
      await start({ attestors: [attestor], budget: new DescriptorBudget({ limit: 64 + 8, used: 0 }, 1), peerSource: fakePeerSource(() => ({ uid })), policy: allowUids(2000) });
      const crowd = Array.from({ length: 8 }, () => gated!.client());
      await gated!.recorded(6);
      assert.deepEqual([...new Set(gated!.records.map(({ decision }) => decision.code))], ['pending-limit-uid']);
      uid = 2000;
      const before = answers.length;
      const other = gated!.client();
      await until(() => answers.length > before);
      answers[before]!.resolve(findingsOf({ 'unix:uid': 2000 }));
      await other.welcomed();
      for (const { socket } of crowd) socket.destroy();
    });

    it('are asked again of the policy that is in force when they come', async () => {
      const { attestor, answers } = slowAttestor();
      const peerSource = fakePeerSource();
      await start({ attestors: [attestor], peerSource });
      const seen = gated!.seen();
      await until(() => answers.length === 1);
      await gated!.gate.setPolicy(allowUids(7));
      answers[0]!.resolve(uid1000);
      await until(() => answers.length === 2);
      answers[1]!.resolve(uid1000);
      assert.equal(await seen, '');
      await gated!.recorded(1);
      assert.deepEqual([gated!.connections.length, gated!.records.length, peerSource.peers.map(({ closed }) => closed), gated!.gate.load.pending], [0, 1, [1, 1], 0]);
    });
  });

  describe('the policy', () => {
    it('is swapped for the connections that come next, and listeners hear of it', async () => {
      await start({ policy: allowUids(7) });
      const changes: unknown[] = [];
      gated!.gate.on('policy', (change) => { changes.push(change); });
      assert.equal(await gated!.seen(), '');
      await gated!.gate.setPolicy({ ...allowUids(1000), revision: 'two' });
      await gated!.client().welcomed();
      assert.deepEqual(changes, [{ name: 'stub', revision: 'two', previous: 'stub-1', warnings: [] }]);
    });

    it('stays where an attestor cannot prepare for the next', async () => {
      let bad = false;
      await start({ attestors: [fakeAttestor({ prepare: () => (bad ? raise() : []) })] });
      bad = true;
      await assert.rejects(gated!.gate.setPolicy(allowUids(7)), error);
      await gated!.client().welcomed();
    });

    it('that was set last is the one in force, however long the one before took to prepare', async () => {
      const first = new Deferred<readonly string[]>();
      const prepares = [Promise.resolve([]), first.promise, Promise.resolve([])];
      await start({ attestors: [fakeAttestor({ prepare: () => prepares.shift() ?? [] })] });
      const one = gated!.gate.setPolicy({ ...allowUids(1000), revision: 'one' });
      const two = gated!.gate.setPolicy({ ...allowUids(1000), revision: 'two' });
      await turn();
      first.resolve([]);
      await Promise.all([one, two]);
      assert.equal(gated!.gate.policy.revision, 'two');
    });

    it('is prepared for again on the timer; a failure is reported and changes nothing', async () => {
      let times = 0;
      await start({ refreshMs: 1, attestors: [fakeAttestor({ prepare: () => ((times += 1) === 2 ? raise() : []) })] });
      await until(() => times >= 3);
      assert.deepEqual(gated!.failures[0], { where: 'prepare', error });
      await gated!.client().welcomed();
    });

    it('is not prepared for twice at once, though preparing takes longer than the timer', async () => {
      let [running, most, times] = [0, 0, 0];
      const prepare = async (): Promise<readonly string[]> => {
        times += 1;
        most = Math.max(most, (running += 1));
        for (let i = 0; i < 10; i += 1) await new Promise((resolve) => setTimeout(resolve, 1));
        running -= 1;
        return [];
      };
      await start({ refreshMs: 1, attestors: [fakeAttestor({ prepare })] });
      await until(() => times >= 3);
      assert.equal(most, 1);
    });

    it('does not catch up with preparations that a slow one made it miss', async () => {
      const slow = new Deferred<readonly string[]>();
      let times = 0;
      await start({ refreshMs: 1, attestors: [fakeAttestor({ prepare: () => ((times += 1) === 2 ? slow.promise : []) })] });
      await until(() => times === 2);
      await new Promise((resolve) => setTimeout(resolve, 50));
      slow.resolve([]);
      await turn();
      assert.ok(times <= 4, `${String(times)} preparations`);
    });

    it('warns at the start of what attestors warn of', async () => {
      await start({ attestors: [fakeAttestor({ prepare: () => ['no such user'] })] });
      assert.deepEqual(gated!.gate.warnings, ['no such user']);
    });
  });
});
