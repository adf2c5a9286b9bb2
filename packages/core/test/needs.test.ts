import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { Catalogue, Collector, Engine, type Attested, type Attestor, type Connection, type Evidence, type Finding, type PeerSource, type SelectorDefinition, type SelectorKey, type TrustTier } from '../dist/index.js';
import { fakeAttestor, fakeDefinition, fakePeerSource, findingsOf, hasValue, stubPolicy, type FakeAttestor } from '../dist/testing/index.js';
import { Gated } from './support/gated.js';

const CONNECTION: Connection = { fd: undefined, origin: undefined };
const ID = fakeDefinition('box:id', { cost: 'proc', trust: 'derived' });
const LABEL = fakeDefinition('box:label', { cost: 'remote', trust: 'kernel-connect', needs: ['box:id'] });
const OTHER = fakeDefinition('box:other', { cost: 'remote' });
const UID = fakeDefinition('unix:uid');

/** The kernel's attestor, which anchors the id, and a service's, which knows what stands under that id. */
function pair(id: Finding | number, selectors: readonly SelectorDefinition[] = [LABEL], late = false): { readonly kernel: FakeAttestor; readonly service: FakeAttestor } {
  const kernel = fakeAttestor({ name: 'kernel', selectors: [ID, UID], attest: ({ wanted }) => {
    const findings = findingsOf(Object.fromEntries(wanted.map((key) => [key, key === 'box:id' ? id : 1000])));
    return late ? turn().then(() => findings) : findings;
  } });
  const service = fakeAttestor({ name: 'service', selectors, attest: ({ wanted, given }) => {
    const findings = findingsOf(Object.fromEntries(wanted.map((key) => [key, idIn(given) ?? 0])));
    return late ? turn().then(() => findings) : findings;
  } });
  return { kernel, service };
}

function idIn(given: Evidence): number | undefined {
  const entry = given.get('box:id');
  return entry?.state === 'present' ? (entry.values[0] as number) + 1 : undefined;
}

async function admit(keys: readonly SelectorKey[], attestors: readonly Attestor[], source: PeerSource = fakePeerSource()): Promise<Attested> {
  const policy = stubPolicy({ keys, allow: (evidence) => keys.every((key) => hasValue(evidence, key, () => true)) });
  return new Engine(source, new Collector(attestors), 3_600_000).admit(CONNECTION, policy, { listener: 'test', nowMs: 0 }, () => undefined);
}

function asked({ calls }: FakeAttestor): readonly (readonly string[])[] {
  return calls.map(({ wanted }) => wanted);
}

describe('a key that needs another', () => {
  for (const late of [false, true]) {
    it(`is asked after it, and its attestor is given what was found (${late ? 'late' : 'at once'})`, async () => {
      const { kernel, service } = pair(41, [LABEL], late);
      const { decision, evidence } = await admit(['box:label'], [service, kernel]);
      assert.equal(decision.effect, 'allow');
      assert.deepEqual([asked(kernel), asked(service)], [[['box:id']], [['box:label']]]);
      assert.deepEqual(evidence.get('box:label'), { state: 'present', values: [42], tier: 'derived' });
      assert.deepEqual(evidence.get('box:id'), { state: 'present', values: [41], tier: 'derived' });
    });
  }

  it('has the rest of a policy asked although what it needs was counted among the answers', async () => {
    const { kernel, service } = pair(41, [LABEL, OTHER]);
    const policy = stubPolicy({ keys: ['unix:uid', 'box:label'], allow: () => true });
    const inTurn = { ...policy, wanted: (evidence: Evidence) => new Set((['box:label', 'unix:uid'] as const).filter((key) => !evidence.has(key)).slice(0, 1)) };
    const { evidence } = await new Engine(fakePeerSource(), new Collector([kernel, service]), 1000).admit(CONNECTION, inTurn, { listener: 'test', nowMs: 0 }, () => undefined);
    assert.deepEqual([...evidence].map(([key]) => key), ['box:id', 'box:label', 'unix:uid']);
  });

  it('makes nobody ask for what it needs where something cheaper settles it', async () => {
    const { kernel, service } = pair(41);
    const policy = stubPolicy({ keys: ['unix:uid', 'box:label'] });
    const settled = { ...policy, wanted: (evidence: Evidence) => (evidence.has('unix:uid') ? new Set<SelectorKey>() : policy.keys) };
    const engine = new Engine(fakePeerSource(), new Collector([kernel, service]), 1000);
    const { evidence } = await engine.admit(CONNECTION, settled, { listener: 'test', nowMs: 0 }, () => undefined);
    assert.deepEqual([...evidence].map(([key]) => key), ['unix:uid']);
  });

  it('is unknown where that is unknown, for the same reason, and nobody is asked (I4)', async () => {
    const { kernel, service } = pair({ state: 'unknown', why: 'unanchored', detail: 'a look-alike' });
    const { evidence, decision } = await admit(['box:label'], [kernel, service]);
    assert.deepEqual(evidence.get('box:label'), { state: 'unknown', why: 'unanchored', detail: '`box:id`: a look-alike' });
    assert.deepEqual([asked(service), decision.effect], [[], 'deny']);
  });

  it('is unknown where no attestor establishes that', async () => {
    const { service } = pair(41);
    const { evidence } = await admit(['box:label'], [service]);
    assert.deepEqual(evidence.get('box:label'), { state: 'unknown', why: 'no-attestor', detail: '`box:id` is unknown' });
    assert.deepEqual(asked(service), []);
  });

  it('is asked where that is absent: what follows from it is for the attestor to say', async () => {
    const { kernel, service } = pair({ state: 'absent' });
    await admit(['box:label'], [kernel, service]);
    assert.deepEqual(service.calls[0]?.given.get('box:id'), { state: 'absent', tier: 'derived' });
  });

  it('keeps no other key from being asked', async () => {
    const { kernel, service } = pair({ state: 'unknown', why: 'permission' }, [LABEL, OTHER]);
    const { evidence } = await admit(['box:label', 'box:other'], [kernel, service]);
    assert.deepEqual([asked(service), evidence.get('box:other')?.state], [[['box:other']], 'present']);
    assert.deepEqual(service.calls[0]?.given.size, 0);
  });

  it('is worth no more than that, whatever its attestor says (I5)', async () => {
    const { kernel, service } = pair({ state: 'present', values: [41], tier: 'heuristic' });
    const { evidence } = await admit(['box:label'], [kernel, service]);
    assert.deepEqual(evidence.get('box:label'), { state: 'present', values: [42], tier: 'heuristic' });
  });

  it('is worth no more than the least of several, in whichever order it names them (I5)', async () => {
    for (const needs of [['box:low', 'box:high'], ['box:high', 'box:low']] as const) {
      const kernel = fakeAttestor({
        selectors: [fakeDefinition('box:low', { trust: 'heuristic' }), fakeDefinition('box:high', { trust: 'kernel-live' })],
        attest: ({ wanted }) => findingsOf(Object.fromEntries(wanted.map((key) => [key, 1]))),
      });
      const both = fakeAttestor({ selectors: [fakeDefinition('box:both', { cost: 'remote', trust: 'kernel-connect', needs })], attest: () => findingsOf({ 'box:both': 1 }) });
      const { evidence } = await admit(['box:both'], [kernel, both]);
      assert.deepEqual(evidence.get('box:both'), { state: 'present', values: [1], tier: 'heuristic' }, needs.join());
    }
  });

  it('is worth what it needs is worth now, though its attestor gives the very same finding again (I5)', async () => {
    let tier: TrustTier = 'image';
    const kernel = fakeAttestor({ selectors: [fakeDefinition('box:id', { trust: 'image' })], attest: () => new Map([['box:id', { state: 'present', values: [1], tier }]]) });
    const finding = Object.freeze({ state: 'present', values: Object.freeze([1]) }) as Finding;
    const service = fakeAttestor({ selectors: [fakeDefinition('box:label', { cost: 'remote', trust: 'image', needs: ['box:id'] })], attest: () => new Map([['box:label', finding]]) });
    const engine = new Engine(fakePeerSource(), new Collector([kernel, service]), 3_600_000);
    const ask = async (): Promise<unknown> => {
      const { evidence } = await engine.admit(CONNECTION, stubPolicy({ keys: ['box:label'], allow: () => true }), { listener: 'test', nowMs: 0 }, () => undefined);
      return (evidence.get('box:label') as { readonly tier: TrustTier }).tier;
    };
    assert.equal(await ask(), 'image');
    tier = 'image-unverified';
    assert.equal(await ask(), 'image-unverified');
  });

  it('has its attestor given nothing that its definition does not name', async () => {
    const { kernel, service } = pair(41, [LABEL, OTHER]);
    await admit(['unix:uid', 'box:label'], [kernel, service]);
    await admit(['unix:uid', 'box:other'], [kernel, service]);
    assert.deepEqual(service.calls.map(({ given }) => [...given].map(([key]) => key)), [['box:id'], []]);
  });

  it('may need one that needs another', async () => {
    const far = fakeDefinition('box:far', { cost: 'remote', trust: 'derived', needs: ['box:label'] });
    const { kernel, service } = pair(41, [LABEL, far]);
    const { evidence } = await admit(['box:far'], [service, kernel]);
    assert.deepEqual([...evidence].map(([key]) => key), ['box:id', 'box:label', 'box:far']);
  });

  it('is collected for the record as well, from what the decision rested on or anew', async () => {
    for (const listed of [['box:label'], ['box:id', 'box:label']] as const) {
      const { kernel, service } = pair(41);
      const gated = await Gated.start({ attestors: [kernel, service], collect: listed });
      await gated.client().welcomed();
      const [record] = await gated.recorded(1);
      assert.deepEqual(record?.evidence.get('box:label'), { state: 'present', values: [42], tier: 'derived' });
      assert.deepEqual([asked(kernel), asked(service)], [[['unix:uid'], ['box:id']], [['box:label']]]);
      await gated.end();
    }
  });

  describe('in a catalogue', () => {
    const refused = (...definitions: readonly SelectorDefinition[]): void => { assert.throws(() => new Catalogue(definitions), { code: 'CATALOGUE_INVALID' }); };
    const needing = (key: SelectorKey, needs: readonly SelectorKey[], rest: Partial<SelectorDefinition> = {}): SelectorDefinition => fakeDefinition(key, { needs, ...rest });

    it('must not need itself, by whatever way', () => {
      refused(needing('a:a', ['a:a']));
      refused(needing('a:a', ['a:b']), needing('a:b', ['a:c']), needing('a:c', ['a:a']));
      refused(needing('a:*', ['a:x']));
    });
    it('must not cost less than what it needs', () => {
      refused(needing('a:a', ['a:b'], { cost: 'socket' }), fakeDefinition('a:b', { cost: 'proc' }));
      assert.ok(new Catalogue([needing('a:a', ['a:b'], { cost: 'proc' }), fakeDefinition('a:b', { cost: 'proc' })]));
    });
    it('must need keys, and no family or nonsense', () => {
      refused(needing('a:a', ['b:*']));
      refused(needing('a:a', ['b' as SelectorKey]));
    });
    it('may need what no attestor here has, and what others need too', () => {
      assert.ok(new Catalogue([needing('a:a', ['b:b', 'a:c']), needing('a:d', ['a:c']), fakeDefinition('a:c')]));
    });
  });
});
