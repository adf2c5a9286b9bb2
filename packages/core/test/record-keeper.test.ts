import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { admissionOf, type Findings, type GateOptions, type Policy } from '../dist/index.js';
import { fakeAttestor, fakeDefinition, fakePeerSource, findingsOf, hasValue, stubPolicy, type AttestCall, type FakePeerSource } from '../dist/testing/index.js';
import { Deferred, Gated, until } from './support/gated.js';

const error = new Error('defect');
const raise = (): never => { throw error; };
const SELECTORS = [fakeDefinition('unix:uid'), fakeDefinition('fake:shadow', { cost: 'proc' }), fakeDefinition('fake:extra', { cost: 'digest' })];
const ALL = findingsOf({ 'unix:uid': 1000, 'fake:shadow': 1, 'fake:extra': 2 });

describe('what follows a decision', () => {
  let gated: Gated;
  let peerSource: FakePeerSource;
  let order: string[];
  afterEach(() => gated.end());

  function policy(rest: Partial<Policy> = {}): Policy {
    return {
      ...stubPolicy({
        keys: ['unix:uid'], shadowKeys: ['fake:shadow'],
        allow: (evidence) => { order.push('decide'); return hasValue(evidence, 'unix:uid', (uid) => uid === 1000); },
        shadow: (evidence) => { order.push('shadow'); return hasValue(evidence, 'fake:shadow', () => true) ? [{ rule: 's', effect: 'deny', matched: 'true' }] : []; },
      }),
      ...rest,
    };
  }

  async function start(attest: (call: AttestCall) => Findings | Promise<Findings>, options: Partial<GateOptions> = {}): Promise<void> {
    order = [];
    peerSource = fakePeerSource();
    const attestor = fakeAttestor({ selectors: SELECTORS, attest: (call) => { order.push(call.wanted.join()); return attest(call); } });
    gated = await Gated.start({ policy: policy(), peerSource, attestors: [attestor], ...options });
    gated.server.on('connection', () => { order.push('application'); });
  }
  const enforcedOnly = (late: () => Promise<Findings>) => ({ wanted }: AttestCall): Findings | Promise<Findings> => (wanted[0] === 'unix:uid' ? ALL : late());

  it('comes after it: shadow rules and `collect` delay nobody', async () => {
    await start(() => ALL, { collect: ['fake:extra', 'unix:uid'] });
    const shadows: unknown[] = [];
    gated.gate.on('shadow', ({ shadow }) => { shadows.push(shadow); });
    await gated.client().welcomed();
    await gated.recorded(1);
    assert.deepEqual(order, ['unix:uid', 'decide', 'application', 'fake:shadow', 'fake:extra', 'shadow']);
    assert.deepEqual([...gated.records[0]!.evidence].map(([key]) => key), ['unix:uid', 'fake:shadow', 'fake:extra']);
    await until(() => shadows.length === 1);
    assert.deepEqual(shadows, [[{ rule: 's', effect: 'deny', matched: 'true' }]]);
  });

  it('is not there yet when the application gets the connection, and is when `admitted` is told', async () => {
    await start(() => ALL, { collect: ['fake:extra'] });
    const seen: unknown[] = [];
    gated.server.on('connection', (socket) => { seen.push('application', admissionOf(socket).evidence.has('fake:extra')); });
    gated.gate.on('admitted', (admission) => { seen.push('admitted', admission.evidence.has('fake:extra'), admissionOf(gated.connections[0]!) === admission); });
    await gated.client().welcomed();
    await until(() => seen.length === 5);
    assert.deepEqual(seen, ['application', false, 'admitted', true, true]);
  });

  it('is asked for refused connections too, and admits none', async () => {
    await start(({ wanted }) => (wanted[0] === 'unix:uid' ? findingsOf({ 'unix:uid': 7 }) : ALL));
    assert.equal(await gated.seen(), '');
    const [record] = await gated.recorded(1);
    assert.deepEqual([record?.decision.effect, record?.shadow.length, gated.connections.length], ['deny', 1, 0]);
  });

  it('looks at a refused peer while its connection is still there', async () => {
    const fds: (number | undefined)[] = [];
    await start(({ wanted }) => {
      if (wanted[0] === 'unix:uid') return findingsOf({ 'unix:uid': 7 });
      fds.push(peerSource.peers[0]?.connection.fd);
      return ALL;
    }, { collect: ['fake:extra'] });
    assert.equal(await gated.seen(), '');
    await gated.recorded(1);
    assert.deepEqual(fds.map((fd) => typeof fd), ['number', 'number']);
    assert.deepEqual(order, ['unix:uid', 'decide', 'fake:shadow', 'fake:extra', 'shadow']);
  });

  for (const [what, answer] of [['hangs', () => new Promise<Findings>(() => undefined)], ['rejects', () => Promise.reject(error)], ['throws', raise]] as const) {
    it(`refuses nobody where an attestor ${what}`, async () => {
      await start(enforcedOnly(answer), { deadlineMs: 50 });
      await gated.client().welcomed();
      const [record] = await gated.recorded(1);
      assert.equal(record?.decision.effect, 'allow');
      assert.deepEqual(record.evidence.get('fake:shadow'), what === 'hangs' ? { state: 'unknown', why: 'timeout' } : undefined);
      assert.deepEqual(gated.failures, what === 'hangs' ? [] : [{ where: 'record', error }]);
      assert.deepEqual(peerSource.peers.map(({ closed }) => closed), [1]);
      await gated.client().welcomed();
    });
  }

  for (const name of ['wantedByShadow', 'shadow'] as const) {
    it(`refuses nobody where the policy throws in \`${name}\``, async () => {
      await start(() => ALL, { policy: (order = [], policy({ [name]: raise })) });
      await gated.client().welcomed();
      assert.equal((await gated.recorded(1))[0]?.decision.effect, 'allow');
      assert.deepEqual(gated.failures, [{ where: 'record', error }]);
    });
  }

  it('ends where a policy wants for ever what was answered already', async () => {
    await start(() => Promise.resolve(ALL), { policy: (order = [], policy({ wantedByShadow: () => new Set(['fake:shadow' as const]) })) });
    await gated.client().welcomed();
    await gated.recorded(1);
    assert.deepEqual(gated.failures.map(({ where }) => where), ['record']);
  });

  it('leaves the evidence of the decision as it was', async () => {
    let asked = 0;
    const greedy = policy({ wantedByShadow: (evidence) => new Set(evidence.has('fake:shadow') ? [] : ['unix:uid' as const, 'fake:shadow' as const]) });
    await start(({ wanted }) => {
      if (wanted.includes('unix:uid')) asked += 1;
      return asked < 2 ? ALL : findingsOf({ 'unix:uid': 0, 'fake:shadow': 1 });
    }, { policy: greedy });
    await gated.client().welcomed();
    const [record] = await gated.recorded(1);
    assert.deepEqual(record?.evidence.get('unix:uid'), { state: 'present', values: [1000], tier: 'kernel-connect' });
  });

  it('drops what comes after its own deadline', async () => {
    const late = new Deferred<Findings>();
    await start(enforcedOnly(() => late.promise), { deadlineMs: 1 });
    await gated.client().welcomed();
    const [record] = await gated.recorded(1);
    late.resolve(ALL);
    await turn();
    assert.deepEqual(record?.evidence.get('fake:shadow'), { state: 'unknown', why: 'timeout' });
  });

  for (const [what, refused, why] of [['changed', 'peer-changed', 'peer-changed'], ['cannot be seen any more', 'peer-unseen', 'timeout'], ['exited', 'peer-exited', 'peer-exited']] as const) {
    it(`shows nothing before it is verified, and nothing of a peer that ${what} (I3)`, async () => {
      const late = new Deferred<Findings>();
      let lost = false;
      await start(enforcedOnly(() => late.promise), { peerSource: (peerSource = fakePeerSource({ lost: () => (lost ? { refused, detail: 'seen' } : undefined) })) });
      const seen: unknown[] = [];
      gated.gate.on('admitted', ({ evidence }) => { seen.push(evidence.get('fake:shadow')); });
      await gated.client().welcomed();
      lost = true;
      late.resolve(ALL);
      await gated.recorded(1);
      assert.deepEqual(seen, [{ state: 'unknown', why, detail: 'seen' }]);
    });
  }

  it('aborts what is late, and not what came in time', async () => {
    const signals: AbortSignal[] = [];
    let hang = false;
    await start((call) => {
      if (call.wanted[0] === 'unix:uid') return ALL;
      signals.push(call.signal);
      return hang ? new Promise(() => undefined) : Promise.resolve(ALL);
    }, { deadlineMs: 100 });
    await gated.client().welcomed();
    await gated.recorded(1);
    hang = true;
    await gated.client().welcomed();
    await gated.recorded(2);
    assert.deepEqual(signals.map(({ aborted }) => aborted), [false, true]);
  });

  it('is capped: a flood holds no more peers than the caps allow, and everyone is recorded (T20)', async () => {
    const late = new Deferred<Findings>();
    await start(enforcedOnly(() => late.promise), { maxPending: 2 });
    for (let i = 0; i < 5; i += 1) await gated.client().welcomed();
    await gated.recorded(3);
    assert.deepEqual(gated.records.map(({ evidence }) => evidence.get('fake:shadow')?.state), ['unknown', 'unknown', 'unknown']);
    assert.equal(peerSource.peers.filter(({ closed }) => closed === 0).length, 2);
    late.resolve(ALL);
    await gated.recorded(5);
    assert.deepEqual(peerSource.peers.map(({ closed }) => closed), [1, 1, 1, 1, 1]);
  });

  it('asks nothing more for a connection that was refused for want of room', async () => {
    await start(({ wanted }) => (wanted[0] === 'unix:uid' ? new Promise(() => undefined) : ALL), { maxPending: 1 });
    gated.client();
    await until(() => gated.gate.load.pending === 1);
    assert.equal(await gated.seen(), '');
    await gated.recorded(1);
    assert.deepEqual(order, ['unix:uid', 'unix:uid', 'shadow']);
  });

  it('gives a descriptor that is asked for again: none, once the application closed the socket', async () => {
    const late = new Deferred<Findings>();
    const fds: (number | undefined)[] = [];
    await start(enforcedOnly(() => late.promise));
    const first = gated.client();
    await first.welcomed();
    fds.push(peerSource.peers[0]?.connection.fd);
    gated.connections[0]?.destroy();
    fds.push(peerSource.peers[0]?.connection.fd);
    // Its number goes to the next connection, whose client takes that of the first.
    await first.ended;
    await gated.client().welcomed();
    fds.push(peerSource.peers[0]?.connection.fd, peerSource.peers[1]?.connection.fd);
    late.resolve(ALL);
    await gated.recorded(2);
    assert.deepEqual([fds[1], fds[2]], [undefined, undefined]);
    assert.equal(typeof fds[0], 'number');
    assert.equal(fds[3], fds[0], 'the number was not used again: nothing was proved');
  });
});
