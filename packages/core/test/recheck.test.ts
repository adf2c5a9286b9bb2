import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { fuzzFactor } from '@portcullis/testkit';
import { admissionOf, type Rechecked, type Revocation, type SelectorKey } from '../dist/index.js';
import { allowUids, fakeAttestor, fakeDefinition, fakePeerSource, findingsOf, hasValue, stubPolicy } from '../dist/testing/index.js';
import { bound, Gated, slowAttestor, until } from './support/gated.js';

const uid1000 = findingsOf({ 'unix:uid': 1000 });

describe('recheck: live connections after a change of the policy, with fakes', () => {
  let gated: Gated | undefined;
  let revoked: Revocation[] = [];
  let rechecked: Rechecked[] = [];
  afterEach(async () => {
    await gated?.end();
    gated = undefined;
  });
  async function start(...args: Parameters<typeof Gated.start>): Promise<Gated> {
    gated = await Gated.start(...args);
    revoked = [];
    rechecked = [];
    gated.gate.on('revoked', (one) => { revoked.push(one); });
    gated.gate.on('rechecked', (one) => { rechecked.push(one); });
    return gated;
  }

  it('ends those that it does not admit, and the record names cause, word and the new policy (I7)', async () => {
    const { gate, client } = bound(await start());
    const one = client();
    await one.welcomed();
    await gate.setPolicy(stubPolicy({ name: 'stricter', revision: '2', keys: ['unix:uid'] }));
    await one.ended;
    await until(() => rechecked.length === 1);
    assert.deepEqual([revoked[0]?.cause, revoked[0]?.word], ['policy-changed', 'rules']);
    assert.match(revoked[0]?.detail ?? '', /stricter.*default/);
    assert.deepEqual(rechecked, [{ name: 'stricter', revision: '2', kept: 0, denied: 1, graceMs: 0 }]);
  });

  it('keeps those that it admits, and their handlers see the new grant', async () => {
    const { gate, client } = bound(await start());
    await client().welcomed();
    await gate.setPolicy(stubPolicy({ keys: ['unix:uid'], allow: () => ({ rule: 'new', grant: { role: 'reader' } }) }));
    await until(() => rechecked.length === 1);
    assert.deepEqual([rechecked[0]?.kept, revoked.length], [1, 0]);
    assert.deepEqual(admissionOf(gated!.connections[0]!).decision.grant, { role: 'reader' });
    assert.equal(admissionOf(gated!.connections[0]!).peer?.uid, 1000);
  });

  it('asks the peer what the old policy never wanted, and decides on one moment: nothing of the process is taken over', async () => {
    let path = '/usr/bin/one';
    const attestor = fakeAttestor({
      selectors: [fakeDefinition('unix:uid', { cost: 'socket' }), ...(['unix:path', 'unix:label'] as const).map((key) => fakeDefinition(key, { cost: 'proc', trust: 'kernel-live', value: { type: 'text' }, example: '/x' }))],
      attest: ({ wanted }) => new Map([...findingsOf({ 'unix:uid': 1000, 'unix:path': path, 'unix:label': path })].filter(([key]) => wanted.includes(key))),
    });
    const byPath = stubPolicy({ keys: ['unix:uid', 'unix:path'], allow: (evidence) => hasValue(evidence, 'unix:path', (value) => value === '/usr/bin/one') });
    const { gate, client } = bound(await start({ attestors: [attestor], policy: byPath }));
    const one = client();
    await one.welcomed();
    path = '/usr/bin/two';
    const mixed = stubPolicy({
      revision: '2', keys: ['unix:uid', 'unix:path', 'unix:label'],
      allow: (evidence) => hasValue(evidence, 'unix:path', (value) => value === '/usr/bin/one') && hasValue(evidence, 'unix:label', (value) => value === '/usr/bin/two'),
    });
    await gate.setPolicy(mixed);
    await one.ended;
    assert.equal(revoked[0]?.cause, 'policy-changed');
  });

  it('waits for a late answer, and revokes nobody before it', async () => {
    const { attestor, answers } = slowAttestor();
    const { gate, client } = bound(await start({ attestors: [attestor], policy: stubPolicy({ allow: () => true }) }));
    const one = client();
    await one.welcomed();
    await gate.setPolicy(allowUids(1000));
    await until(() => answers.length === 1);
    await turn();
    assert.equal(revoked.length, 0);
    answers[0]!.resolve(uid1000);
    await until(() => rechecked.length === 1);
    assert.deepEqual([rechecked[0]?.kept, revoked.length], [1, 0]);
  });

  it('leaves to a later policy what it had not decided yet: no decision mixes two', async () => {
    const { attestor, answers } = slowAttestor();
    const { gate, client } = bound(await start({ attestors: [attestor], policy: stubPolicy({ allow: () => true }) }));
    const one = client();
    await one.welcomed();
    await gate.setPolicy(allowUids(7));
    await until(() => answers.length === 1);
    await gate.setPolicy(stubPolicy({ revision: '3', allow: () => true }));
    answers[0]!.resolve(uid1000);
    await until(() => rechecked.length === 1);
    await turn();
    assert.deepEqual([rechecked[0]?.revision, rechecked[0]?.kept, revoked.length], ['3', 1, 0]);
  });

  it('decides on what the last decision rested on, and on nothing that was collected for the record after it', async () => {
    let path = '/usr/bin/one';
    const attestor = fakeAttestor({
      selectors: [fakeDefinition('unix:path', { cost: 'proc', value: { type: 'text' }, example: '/x' })],
      attest: () => findingsOf({ 'unix:path': path }),
    });
    const { gate, client } = bound(await start({ attestors: [attestor], policy: stubPolicy({ keys: [], allow: () => true }), collect: ['unix:path'] }));
    await client().welcomed();
    assert.deepEqual((await gated!.recorded(1))[0]?.evidence.get('unix:path'), { state: 'present', values: ['/usr/bin/one'], tier: 'kernel-connect' });
    path = '/usr/bin/two';
    await gate.setPolicy(stubPolicy({ keys: ['unix:path'], allow: (evidence) => hasValue(evidence, 'unix:path', (value) => value === '/usr/bin/two') }));
    await until(() => rechecked.length === 1);
    assert.deepEqual([rechecked[0]?.kept, revoked.length], [1, 0]);
  });

  it('asks what a policy wants that has fewer keys than were known, and keeps what is frozen for later ones', async () => {
    const asked: string[][] = [];
    const attestor = fakeAttestor({
      selectors: [...(['unix:uid', 'unix:gid', 'unix:label'] as const).map((key) => fakeDefinition(key, { cost: 'socket' })), fakeDefinition('unix:image', { cost: 'proc', trust: 'kernel-live' })],
      attest: ({ wanted }) => { asked.push([...wanted]); return findingsOf(Object.fromEntries(wanted.map((key) => [key, 1]))); },
    });
    const all = ['unix:uid', 'unix:gid', 'unix:label'] as const;
    const wanting = (keys: readonly SelectorKey[], revision: string) => stubPolicy({ keys, revision, allow: (evidence) => keys.every((key) => hasValue(evidence, key, (value) => value === 1)) });
    const { gate, client } = bound(await start({ attestors: [attestor], policy: wanting([...all], '1') }));
    await client().welcomed();
    await gate.setPolicy(wanting(['unix:image'], '2'));
    await until(() => rechecked.length === 1);
    await gate.setPolicy(wanting([...all], '3'));
    await until(() => rechecked.length === 2);
    assert.deepEqual([asked, rechecked.map(({ kept }) => kept), revoked.length], [[[...all], ['unix:image']], [1, 1], 0]);
  });

  it('takes how a connection came from its accept, and where nobody asked then it is unknown (T3, I4)', async () => {
    let queued = 0;
    const attestor = fakeAttestor({ selectors: [fakeDefinition('socket:early-data', { cost: 'socket', trust: 'kernel-live' })], attest: () => findingsOf({ 'socket:early-data': queued }) });
    const quiet = (revision: string) => stubPolicy({ revision, keys: ['socket:early-data'], allow: (evidence) => hasValue(evidence, 'socket:early-data', (value) => value === 0) });
    const anybody = stubPolicy({ revision: 'any', keys: [], allow: () => true });
    const { gate, client } = bound(await start({ attestors: [attestor], policy: quiet('1') }));
    await client().welcomed();
    queued = 5; // it is in use by now
    for (const policy of [anybody, quiet('3')]) {
      await gate.setPolicy(policy);
      await until(() => rechecked.at(-1)?.revision === policy.revision);
    }
    assert.equal(revoked.length, 0);
    await gate.setPolicy(anybody);
    queued = 0;
    const unasked = client();
    await unasked.welcomed();
    await gate.setPolicy(quiet('5'));
    await unasked.ended;
    await until(() => rechecked.at(-1)?.revision === '5');
    assert.deepEqual([rechecked.at(-1)?.kept, rechecked.at(-1)?.denied], [1, 1]);
  });

  it('decides as of now: who is outside the window of a rule, or past its end, does not stay', async () => {
    let nowMs = 1000;
    const until2000 = stubPolicy({ revision: '2', keys: [], allow: (_, { nowMs: at }) => at < 2000 });
    const { gate, client } = bound(await start({ clock: () => nowMs, policy: until2000 }));
    const one = client();
    await one.welcomed();
    nowMs = 3000; // no policy took effect: it stays
    await turn();
    assert.equal(revoked.length, 0);
    await gate.setPolicy(until2000);
    await one.ended;
    assert.deepEqual([revoked[0]?.cause, revoked[0]?.word], ['policy-changed', 'rules']);
  });

  it('charges no limit again, and still keeps nobody whom a limit could not count (I4)', async () => {
    const limit = { id: 'l', rule: 'r', key: ['unix:uid'] as const, rate: { perSecond: 0.001, burst: 1 }, concurrent: 1 };
    const limited = (key: typeof limit.key | readonly ['unix:gid']) => ({ ...stubPolicy({
      revision: key[0], keys: ['unix:uid'], allow: (evidence, { limits }) => limits?.hasRoom({ ...limit, key }, evidence, 0) === true,
    }), limits: [limit] });
    const { gate, client } = bound(await start({ policy: limited(limit.key) }));
    const one = client();
    await one.welcomed();
    for (let reload = 1; reload <= 3; reload += 1) {
      await gate.setPolicy(limited(limit.key));
      await until(() => rechecked.length === reload);
    }
    assert.deepEqual([rechecked.map(({ kept }) => kept), revoked.length], [[1, 1, 1], 0]);
    await gate.setPolicy(limited(['unix:gid']));
    await one.ended;
    assert.equal(revoked.length, 1);
  });

  it('leaves alone what a gate lets through that only observes', async () => {
    const { gate, client } = bound(await start({ observe: true }));
    await client().welcomed();
    await gate.setPolicy(stubPolicy({ revision: '2' }));
    await until(() => rechecked.length === 1);
    assert.deepEqual([rechecked[0]?.kept, rechecked[0]?.denied, revoked.length, gated!.gate.load.live], [0, 0, 0, 1]);
  });

  it('is not begun by a candidate, which decides nothing', async () => {
    const { gate, client } = bound(await start());
    await client().welcomed();
    await gate.setCandidate(stubPolicy({ revision: '2' }));
    await gate.setPolicy(allowUids(1000));
    await until(() => rechecked.length === 1);
    assert.deepEqual([rechecked[0]?.kept, revoked.length], [1, 0]);
  });

  it('ends what a new policy wants read with its senders, and goes on reading so what began so', async () => {
    const terms = { onPeerExit: 'revoke', onExec: 'ignore', handoff: 'deny' } as const;
    let readers = 0;
    const handoffPort = { weakness: undefined, prepare: () => undefined, read: () => { readers += 1; return { pause: () => undefined, resume: () => undefined, keepAlive: () => undefined, close: () => undefined }; } };
    const denied = (revision: string) => stubPolicy({ revision, keys: [], allow: () => true, terms });
    const { gate, client } = bound(await start({ handoffPort }));
    const one = client();
    await one.welcomed();
    await gate.setPolicy(denied('2'));
    await one.ended;
    assert.deepEqual(revoked.map(({ cause, word }) => [cause, word]), [['policy-changed', 'handoff']]);
    await client().welcomed();
    await gate.setPolicy(allowUids(1000));
    await until(() => rechecked.length === 2);
    await gate.setPolicy(denied('4'));
    await until(() => rechecked.length === 3);
    assert.deepEqual([rechecked.map(({ kept }) => kept), revoked.length, readers], [[0, 1, 1], 1, 1]);
  });

  it('ends a connection that it cannot hold to the new policy, and goes on with the others (I2)', async () => {
    const peerSource = fakePeerSource();
    const { gate, client } = bound(await start({ peerSource, policy: stubPolicy({ keys: [], allow: () => true }) }));
    const [one, two] = [client(), client()];
    await Promise.all([one.welcomed(), two.welcomed()]);
    const open = peerSource.open.bind(peerSource);
    let first = true;
    Object.assign(peerSource, { open: (connection: Parameters<typeof open>[0]) => {
      const peer = open(connection);
      if (first) Object.assign(peer, { hold: () => { throw new Error('EMFILE'); } });
      first = false;
      return peer;
    } });
    await gate.setPolicy(allowUids(1000));
    await until(() => rechecked.length === 1);
    assert.deepEqual([rechecked[0]?.kept, rechecked[0]?.denied, revoked.map(({ cause }) => cause)], [1, 1, ['defect']]);
    assert.deepEqual(gated!.failures.map(({ where }) => where), ['recheck']);
    assert.ok(peerSource.peers.every(({ closed }) => closed === 1));
  });

  it('goes on, and says so, where a peer that it asked again cannot be closed', async () => {
    const peerSource = fakePeerSource();
    const { gate, client } = bound(await start({ peerSource, policy: stubPolicy({ keys: [], allow: () => true }) }));
    await client().welcomed();
    const open = peerSource.open.bind(peerSource);
    const error = new Error('EBADF');
    Object.assign(peerSource, { open: (connection: Parameters<typeof open>[0]) => Object.assign(open(connection), { close: () => { throw error; } }) });
    await gate.setPolicy(allowUids(1000));
    await until(() => rechecked.length === 1);
    assert.deepEqual([rechecked[0]?.kept, revoked.length, gated!.failures], [1, 0, [{ where: 'recheck', error }]]);
  });

  it('leaves alone what ends anyhow, while the gate closes', async () => {
    const { attestor, answers } = slowAttestor();
    const { gate, client } = bound(await start({ attestors: [attestor], policy: stubPolicy({ allow: () => true }) }));
    const one = client();
    await one.welcomed();
    await gate.setPolicy(allowUids(1000));
    await until(() => answers.length === 1);
    const closed = gate.close({ drainMs: 3_600_000 });
    await until(() => rechecked.length === 1);
    assert.deepEqual([rechecked[0]?.kept, rechecked[0]?.denied, revoked.length], [0, 0, 0]);
    one.socket.end();
    one.socket.destroy();
    await closed;
  });

  it('ends a connection of which it cannot be decided (I2)', async () => {
    let broken = false;
    const peerSource = fakePeerSource(() => { if (broken) throw new Error('defect'); return {}; });
    const { gate, client } = bound(await start({ peerSource, policy: stubPolicy({ allow: () => true }) }));
    const one = client();
    await one.welcomed();
    broken = true;
    await gate.setPolicy(allowUids(1000));
    await one.ended;
    assert.deepEqual(revoked.map(({ cause }) => cause), ['defect']);
  });

  it('gives no grace twice: a reload does not prolong it', async () => {
    const { gate, client } = bound(await start({ policyGraceMs: 200 }));
    const one = client();
    await one.welcomed();
    let ended = false;
    void one.ended.then(() => { ended = true; });
    const began = performance.now();
    for (let revision = 1; !ended; revision += 1) {
      await gate.setPolicy(stubPolicy({ revision: String(revision) }));
      await until(() => ended || rechecked.length === revision);
    }
    assert.deepEqual([revoked.length, revoked[0]?.cause, performance.now() - began >= 200], [1, 'policy-changed', true]);
  });

  it('lets a connection stay for the grace, unless a later policy admits it', async () => {
    const { gate, client } = bound(await start({ policyGraceMs: 150 }));
    const [one, two] = [client(), client()];
    await Promise.all([one.welcomed(), two.welcomed()]);
    await gate.setPolicy(stubPolicy({ revision: '2' }));
    await until(() => rechecked.length === 1);
    assert.equal(revoked.length, 0);
    await gate.setPolicy(allowUids(1000));
    await until(() => rechecked.length === 2);
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(revoked.length, 0);
    await gate.setPolicy(stubPolicy({ revision: '4' }));
    await Promise.all([one.ended, two.ended]);
    assert.equal(revoked.length, 2);
  });

  it('T20: mixes no two policies in one decision and loses none, under a storm of reloads: 100 during 5,000 admissions, or more by PORTCULLIS_FUZZ', async function () {
    const [admissions, atOnce] = [Math.ceil(5000 * fuzzFactor()), 50];
    this.timeout(admissions * 60);
    let late = 0;
    // Every other answer comes late, so that many admissions begin under one policy and end under another.
    const attestor = fakeAttestor({ attest: () => ((late += 1) % 2 === 0 ? uid1000 : turn(uid1000)) });
    const numbered = (revision: string): ReturnType<typeof stubPolicy> => stubPolicy({ revision, keys: ['unix:uid'], allow: () => ({ rule: revision, grant: { revision } }) });
    await start({ attestors: [attestor], policy: numbered('0'), maxPending: 1000 });
    const wrong: unknown[] = [];
    gated!.gate.on('admitted', ({ decision: { rules, grant }, policy }) => { if (rules[0] !== policy.revision || grant['revision'] !== policy.revision) wrong.push({ rules, policy }); });
    let reloads = 0;
    for (let done = 0; done < admissions; done += atOnce) {
      const clients = Array.from({ length: Math.min(atOnce, admissions - done) }, () => gated!.client());
      await gated!.gate.setPolicy(numbered(String((reloads += 1))));
      await Promise.all(clients.map(async (client) => { await client.welcomed(); client.socket.destroy(); }));
    }
    await gated!.recorded(admissions);
    assert.deepEqual([wrong, revoked, gated!.failures, gated!.records.length], [[], [], [], admissions]);
    assert.ok(new Set(gated!.records.map(({ policy }) => policy.revision)).size > reloads / 4, 'the policies took turns');
  });
});
