import assert from 'node:assert/strict';
import { setTimeout as passed } from 'node:timers/promises';
import type { PeerRefusal, Rechecked, Revocation } from '../dist/index.js';
import { fakeAttestor, fakeDefinition, fakePeerSource, findingsOf, hasValue, stubPolicy } from '../dist/testing/index.js';
import { bound, Gated, until } from './support/gated.js';

describe('recheck: leases after a change of the policy, with fakes', () => {
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

  it('holds a connection to the lease of the new policy', async () => {
    const held: string[] = [];
    const peerSource = fakePeerSource(() => ({ held: { watch: () => { held.push('watched'); }, close: () => { held.push('closed'); } } }));
    const { gate, client } = bound(await start({ peerSource, policy: stubPolicy({ keys: [], allow: () => true, terms: { onPeerExit: 'ignore', onExec: 'ignore' } }) }));
    await client().welcomed();
    await gate.setPolicy(stubPolicy({ keys: [], allow: () => true }));
    await until(() => held.length === 2);
    await gate.setPolicy(stubPolicy({ revision: '3', keys: [], allow: () => true }));
    await until(() => rechecked.length === 2);
    assert.deepEqual(held, ['closed', 'watched']);
  });

  it('looks as often as the new policy says, where only that is new (I7)', async () => {
    let looks = 0;
    const peerSource = fakePeerSource(() => ({ held: { verify: () => { looks += 1; return undefined; } } }));
    const on = (revision: string, more = {}) => stubPolicy({ revision, keys: [], allow: () => true, terms: { onPeerExit: 'revoke', onExec: 'revoke', ...more } });
    const { gate, client } = bound(await start({ peerSource, policy: on('1') }));
    await client().welcomed();
    await passed(40); // the lease has begun
    await gate.setPolicy(on('2', { reverifyMs: 5 }));
    await until(() => rechecked.length === 1);
    looks = 0;
    await until(() => looks > 2);
  });

  it('asks anew of who runs another program by now, though `onExec: ignore` kept the connection (T2, I7)', async () => {
    let path = '/usr/bin/one';
    const verified: { lost?: PeerRefusal } = {};
    const attestor = fakeAttestor({
      selectors: [fakeDefinition('unix:path', { cost: 'proc', trust: 'kernel-live', value: { type: 'text' }, example: '/x' })],
      attest: () => findingsOf({ 'unix:path': path }),
    });
    const on = (revision: string) => stubPolicy({
      revision, keys: ['unix:path'], allow: (evidence) => hasValue(evidence, 'unix:path', (value) => value === '/usr/bin/one'), terms: { onPeerExit: 'revoke', onExec: 'ignore', reverifyMs: 3_600_000 },
    });
    const { gate, client } = bound(await start({ attestors: [attestor], policy: on('1'), peerSource: fakePeerSource(() => ({ held: { verify: () => verified.lost } })) }));
    await client().welcomed();
    path = '/usr/bin/two';
    verified.lost = { refused: 'peer-changed', detail: 'an exec' };
    await gate.setPolicy(on('2'));
    await until(() => rechecked.length === 1);
    assert.deepEqual(revoked.map(({ cause }) => cause), ['policy-changed']);
  });
});
