import assert from 'node:assert/strict';
import { toRecord, type Attestor, type GateOptions, type Policy } from '../dist/index.js';
import { allowUids, fakeAttestor, fakeDefinition, fakePeerSource, findingsOf, stubPolicy } from '../dist/testing/index.js';
import { Gated, slowAttestor, until } from './support/gated.js';

const raise = (): never => { throw new Error('defect'); };

describe('a candidate policy', () => {
  let gated: Gated | undefined;
  afterEach(async () => {
    await gated?.end();
    gated = undefined;
  });
  async function start(candidate: Policy, options: Partial<GateOptions> = {}): Promise<Gated> {
    return (gated = await Gated.start({ candidate, ...options }));
  }

  it('refuses nobody whom it would refuse, and its divergence is counted, recorded and told', async () => {
    const told: string[] = [];
    const { gate } = await start(stubPolicy({ name: 'next', revision: 'n-1' }));
    gate.on('shadow', ({ candidate }) => { told.push(String(candidate?.decision.effect)); });
    await gated!.client().welcomed();
    const [admission] = await gated!.recorded(1);
    await until(() => told.length === 1);
    assert.deepEqual(toRecord(admission!, gate.catalogue).candidate, { policy: 'n-1', diverges: true, decision: 'deny', cause: 'default' });
    assert.deepEqual([told, gate.divergence?.compared, gate.divergence?.diverged, gate.divergence?.policy.name], [['deny'], 1, 1, 'next']);
  });

  it('admits nobody whom it would admit', async () => {
    await start(allowUids(1000), { policy: stubPolicy() });
    assert.equal(await gated!.seen(), '');
    const [admission] = await gated!.recorded(1);
    assert.deepEqual([admission?.decision.effect, admission?.candidate?.decision.effect, admission?.candidate?.diverges], ['deny', 'allow', true]);
    assert.deepEqual(gated!.connections, []);
  });

  it('that decides the same is counted, and told nobody', async () => {
    const told: unknown[] = [];
    const { gate } = await start(stubPolicy({ keys: ['unix:uid'], allow: () => ({ rule: 'other' }) }));
    gate.on('shadow', (one) => { told.push(one); });
    await gated!.client().welcomed();
    const [admission] = await gated!.recorded(1);
    assert.deepEqual([admission?.candidate?.diverges, told, gate.divergence?.compared, gate.divergence?.diverged], [false, [], 1, 0]);
  });

  it('that grants otherwise diverges', async () => {
    await start(stubPolicy({ keys: ['unix:uid'], allow: () => ({ rule: 'stub', grant: { role: 'admin' } }) }));
    await gated!.client().welcomed();
    assert.equal((await gated!.recorded(1))[0]?.candidate?.diverges, true);
  });

  it('has its keys collected after the decision, and nobody waits for them', async () => {
    const { attestor: slow, answers } = slowAttestor();
    const attestor: Attestor = { ...slow, name: 'slow', selectors: [fakeDefinition('slow:key')] };
    await start(stubPolicy({ keys: ['slow:key'], allow: (evidence) => evidence.get('slow:key')?.state === 'present' }), { attestors: [fakeAttestor(), attestor] });
    await gated!.client().welcomed();
    await until(() => answers.length === 1);
    assert.deepEqual(gated!.records, []);
    answers[0]!.resolve(findingsOf({ 'slow:key': 1 }));
    const [admission] = await gated!.recorded(1);
    assert.deepEqual([admission?.candidate?.decision.effect, admission?.candidate?.diverges], ['allow', false]);
  });

  it('that throws is reported, and breaks nothing', async () => {
    await start({ ...stubPolicy(), decide: raise, wanted: raise });
    await gated!.client().welcomed();
    const [admission] = await gated!.recorded(1);
    assert.deepEqual([admission?.decision.effect, admission?.candidate], ['allow', undefined]);
    assert.ok(gated!.failures.length > 0);
  });

  it('has nothing to say of connections that no policy was asked of', async () => {
    await start(allowUids(1000), { peerSource: fakePeerSource(() => ({ refused: 'socket-not-unix', detail: 'tcp' })) });
    assert.equal(await gated!.seen(), '');
    assert.equal((await gated!.recorded(1))[0]?.candidate, undefined);
    assert.equal(gated!.gate.divergence?.compared, 0);
  });

  it('meets limits as if none were exhausted, and charges none', async () => {
    let seen: unknown = 'not asked';
    await start({ ...stubPolicy(), decide: (_, { limits }) => { seen = limits; return stubPolicy().decide(new Map(), { listener: '', nowMs: 0 }); } });
    await gated!.client().welcomed();
    await gated!.recorded(1);
    assert.equal(seen, undefined);
  });

  it('is replaced and taken away while the gate runs; attestors are prepared for both policies', async () => {
    const prepared: string[] = [];
    const attestor = fakeAttestor({ prepare: (literals) => { prepared.push([...(literals.get('unix:uid') ?? [])].join(' ')); return Promise.resolve([]); } });
    const naming = (...values: readonly number[]): Policy => ({ ...allowUids(1000), literals: new Map([['unix:uid' as const, new Set(values)]]) });
    await start(naming(2), { policy: naming(1), attestors: [attestor] });
    await gated!.gate.setCandidate(naming(3));
    await gated!.gate.setPolicy(naming(4));
    await gated!.gate.setCandidate(undefined);
    assert.deepEqual([prepared, gated!.gate.divergence], [['1 2', '1 3', '4 3', '4'], undefined]);
  });
});
