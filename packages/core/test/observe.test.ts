import assert from 'node:assert/strict';
import { admissionOf, Catalogue, toRecord, type GateOptions } from '../dist/index.js';
import { observedKeys } from '../dist/observe.js';
import { allowUids, fakeAttestor, fakeDefinition, fakePeerSource, findingsOf, stubPolicy } from '../dist/testing/index.js';
import { Gated, slowAttestor } from './support/gated.js';

const raise = (): never => { throw new Error('defect'); };

describe('observe mode', () => {
  let gated: Gated | undefined;
  afterEach(async () => {
    await gated?.end();
    gated = undefined;
  });
  async function start(options: Partial<GateOptions>): Promise<Gated> {
    return (gated = await Gated.start({ observe: true, ...options }));
  }

  it('admits who would be refused, and says so in every record', async () => {
    const heard: string[] = [];
    const { gate } = await start({ policy: allowUids(7) });
    gate.on('admitted', ({ decision }) => { heard.push(`admitted ${decision.effect}`); }).on('denied', () => { heard.push('denied'); });
    await gated!.client('hello').welcomed();
    const [admission] = await gated!.recorded(1);
    assert.deepEqual([admission?.decision.effect, admission?.observed, admission?.admitted], ['deny', true, true]);
    const record = toRecord(admission!, gate.catalogue);
    assert.deepEqual([record.decision, record.cause, record.observe], ['deny', 'default', 'admitted']);
    assert.equal(admissionOf(gated!.connections[0]!), admission);
    assert.deepEqual([heard, gate.observes], [['admitted deny'], true]);
  });

  it('marks the record of who would be admitted too', async () => {
    await start({});
    await gated!.client().welcomed();
    const [admission] = await gated!.recorded(1);
    assert.deepEqual([toRecord(admission!, gated!.gate.catalogue).observe, admission?.decision.effect], ['admitted', 'allow']);
  });

  it('is never on unless asked for, and then by a boolean alone', async () => {
    gated = await Gated.start({ policy: allowUids(7) });
    assert.equal(await gated.seen(), '');
    const [admission] = await gated.recorded(1);
    assert.deepEqual([admission?.observed, admission?.admitted, 'observe' in toRecord(admission!, gated.gate.catalogue), gated.gate.observes], [false, false, false, false]);
    await assert.rejects(Gated.start({ observe: 'no' as unknown as boolean }), { code: 'GATE_OPTIONS', facts: { option: 'observe' } });
  });

  it('admits whoever a defect, a peer that changed or one that cannot be looked at would have refused', async () => {
    for (const options of [
      { attestors: [fakeAttestor({ attest: raise })] },
      { policy: stubPolicy({ allow: raise }) },
      { peerSource: fakePeerSource({ lost: () => ({ refused: 'peer-exited', detail: 'gone' }) }) },
      { peerSource: fakePeerSource(() => ({ refused: 'pid-invisible', detail: 'pid 0' })) },
      { peerSource: { name: 'broken', open: raise } },
    ] satisfies Partial<GateOptions>[]) {
      await start(options);
      await gated!.client().welcomed();
      const [admission] = await gated!.recorded(1);
      assert.deepEqual([admission?.decision.effect, admission?.admitted], ['deny', true]);
      await gated!.end();
    }
    gated = undefined;
  });

  it('admits who would have been refused at the deadline', async () => {
    const { attestor } = slowAttestor();
    await start({ attestors: [attestor], deadlineMs: 1 });
    await gated!.client().welcomed();
    assert.equal((await gated!.recorded(1))[0]?.decision.cause, 'deadline');
  });

  it('refuses what is no connection of its kind (T14)', async () => {
    for (const code of ['no-descriptor', 'socket-not-unix', 'socket-not-stream', 'socket-not-connected', 'credentials-invalid', 'address-not-loopback'] as const) {
      await start({ peerSource: fakePeerSource(() => ({ refused: code, detail: 'not ours' })) });
      assert.equal(await gated!.seen(), '');
      const [admission] = await gated!.recorded(1);
      assert.deepEqual([admission?.decision.code, admission?.admitted, toRecord(admission!, gated!.gate.catalogue).observe], [code, false, 'refused']);
      assert.deepEqual(gated!.connections, []);
      await gated!.end();
    }
    gated = undefined;
  });

  it('refuses what there is no room for (T20)', async () => {
    await start({ ratePerUid: { perSecond: 1e-6, burst: 1 } });
    await gated!.client().welcomed();
    assert.equal(await gated!.seen(), '');
    assert.deepEqual((await gated!.recorded(2)).map(({ admitted }) => admitted), [true, false]);
  });

  it('holds no lease: what would end a connection ends none', async () => {
    let watched = 0;
    await start({ peerSource: fakePeerSource({ held: { watch: () => { watched += 1; }, verify: () => ({ refused: 'peer-exited', detail: 'gone' }) } }) });
    await gated!.client().welcomed();
    const admission = admissionOf(gated!.connections[0]!);
    assert.equal(admission.reverify()?.refused, 'lease-ended');
    assert.deepEqual([watched, gated!.connections[0]?.destroyed], [0, false]);
  });

  it('collects all that is cheap of everyone, and nothing sensitive (I10)', async () => {
    const selectors = [
      fakeDefinition('unix:uid'), fakeDefinition('linux:tracer', { cost: 'proc' }), fakeDefinition('unix:sha256', { cost: 'digest' }),
      fakeDefinition('container:image', { cost: 'remote' }), fakeDefinition('process:args', { sensitive: true }), fakeDefinition('env:*', { sensitive: true }), fakeDefinition('odd:*'),
    ];
    assert.deepEqual(observedKeys(new Catalogue(selectors)), ['linux:tracer', 'unix:uid']);
    const attestor = fakeAttestor({ selectors, attest: ({ wanted }) => findingsOf(Object.fromEntries(wanted.map((key) => [key, 7]))) });
    await start({ policy: stubPolicy(), attestors: [attestor], collect: ['unix:sha256'] });
    await gated!.client().welcomed();
    const [admission] = await gated!.recorded(1);
    assert.deepEqual([...admission!.evidence].map(([key]) => key).sort(), ['linux:tracer', 'unix:sha256', 'unix:uid']);
  });
});
