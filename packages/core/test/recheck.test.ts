import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { fuzzFactor } from '@portcullis/testkit';
import { admissionOf, type Rechecked, type Revocation } from '../dist/index.js';
import { allowUids, fakeAttestor, fakeDefinition, fakePeerSource, findingsOf, hasValue, stubPolicy } from '../dist/testing/index.js';
import { Gated, slowAttestor, until } from './support/gated.js';

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
      selectors: [fakeDefinition('unix:uid', { cost: 'socket' }), ...(['unix:path', 'unix:label'] as const).map((key) => fakeDefinition(key, { cost: 'proc', value: { type: 'text' }, example: '' }))],
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

  it('ends a connection of which it cannot be decided (I2)', async () => {
    let broken = false;
    const peerSource = fakePeerSource(() => { if (broken) throw new Error('defect'); return {}; });
    const { gate, client } = bound(await start({ peerSource, policy: stubPolicy({ allow: () => true }) }));
    const one = client();
    await one.welcomed();
    broken = true;
    await gate.setPolicy(allowUids(1000));
    await one.ended;
    assert.equal(revoked.length, 1);
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

  it('mixes no two policies in one decision and loses none, under a storm of reloads: 100 during 5,000 admissions, or more by PORTCULLIS_FUZZ', async function () {
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

function bound(gated: Gated): { readonly gate: Gated['gate']; readonly client: () => ReturnType<Gated['client']> } {
  return { gate: gated.gate, client: () => gated.client() };
}
