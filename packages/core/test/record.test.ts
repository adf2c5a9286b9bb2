import assert from 'node:assert/strict';
import { Admission, Catalogue, Engine, Collector, toRecord, type Attested, type Decision, type Finding, type NearestMiss, type Policy } from '../dist/index.js';
import { fakeAttestor, fakeDefinition, fakePeerSource, findingsOf, stubPolicy, type StubPolicyOptions } from '../dist/testing/index.js';

const DEFINITIONS = [
  fakeDefinition('unix:uid'),
  fakeDefinition('unix:path', { value: { type: 'path' }, trust: 'image', cost: 'proc', example: '/x' }),
  fakeDefinition('env:*', { value: { type: 'text' }, trust: 'peer-asserted', cost: 'proc', sensitive: true, example: 'x' }),
  fakeDefinition('container:id', { value: { type: 'text' }, trust: 'derived', cost: 'proc', example: 'x' }),
];
const catalogue = new Catalogue(DEFINITIONS);
const FOUND: Readonly<Record<string, Finding>> = {
  'unix:uid': { state: 'present', values: [1000] },
  'unix:path': { state: 'present', values: ['/usr/bin/git'], tier: 'image-unverified' },
  'env:SECRET': { state: 'present', values: ['hunter2'] },
  'container:id': { state: 'absent' },
  'no:body': { state: 'unknown', why: 'no-attestor' },
};

function admission(policy: StubPolicyOptions | Policy, source = fakePeerSource({ pid: 5, uid: 1000, gid: 100, pin: 'peer-pidfd' })): Admission {
  const compiled = 'decide' in policy ? policy : stubPolicy({ keys: Object.keys(FOUND) as never, ...policy });
  const context = { listener: 'docker', nowMs: 0 };
  const engine = new Engine(source, new Collector([fakeAttestor({ selectors: DEFINITIONS, attest: () => findingsOf(FOUND) })]), 1000);
  return new Admission(engine.admit({ fd: undefined, origin: undefined }, compiled, context, () => undefined) as Attested, compiled, context);
}

const MISS: NearestMiss = {
  rule: 'git', place: { file: 'p.yaml', line: 3, column: 5 },
  failed: [
    { key: 'unix:uid', expected: '7', observed: [1000], state: 'present', place: { file: 'p.yaml', line: 4, column: 7 } },
    { key: 'unix:path', expected: '/x', observed: ['/a', '/b'], state: 'too-weak', place: { file: 'p.yaml', line: 5, column: 7 } },
    { key: 'no:body', expected: '1', observed: [], state: 'unknown', why: 'no-attestor', place: { file: 'p.yaml', line: 6, column: 7 } },
    { key: 'container:id', expected: 'x', observed: [], state: 'absent', place: { file: 'p.yaml', line: 7, column: 7 } },
  ],
};

describe('a decision record', () => {
  it('of an admission has rule, grant, peer, and each selector with its tier (I5)', () => {
    const { micros, ...record } = toRecord(admission({ allow: () => ({ rule: 'git', grant: { role: 'dev' } }) }), catalogue);
    assert.deepEqual(record, {
      event: 'decision', time: '1970-01-01T00:00:00.000Z', listener: 'docker', decision: 'allow', cause: 'rule', rule: 'git',
      peer: { pid: 5, uid: 1000, gid: 100, pin: 'peer-pidfd' }, path: '/usr/bin/git',
      selectors: {
        'unix:uid': { values: [1000], tier: 'kernel-connect' },
        'unix:path': { values: ['/usr/bin/git'], tier: 'image-unverified' },
        'env:SECRET': { masked: true, tier: 'peer-asserted' },
        'container:id': { absent: true, tier: 'derived' },
      },
      unknown: { 'no:body': 'no-attestor' }, grant: { role: 'dev' }, policy: 'stub-1',
    });
    assert.deepEqual(Object.keys(micros), ['open', 'collect', 'verify', 'decide']);
  });

  it('never has the value of a sensitive key in it (I10)', () => {
    assert.ok(!JSON.stringify(toRecord(admission({}), catalogue)).includes('hunter2'));
  });

  it('of a refusal has the nearest miss, condition by condition', () => {
    const { decision, cause, nearest, rule, grant } = toRecord(admission({ nearest: () => MISS }), catalogue);
    assert.deepEqual([decision, cause, rule, grant], ['deny', 'default', undefined, undefined]);
    assert.deepEqual(nearest, {
      rule: 'git', at: 'p.yaml:3:5',
      failed: [
        { key: 'unix:uid', expected: '7', observed: 1000, state: 'present', at: 'p.yaml:4:7' },
        { key: 'unix:path', expected: '/x', observed: ['/a', '/b'], state: 'too-weak', at: 'p.yaml:5:7' },
        { key: 'no:body', expected: '1', observed: 'unknown: no-attestor', state: 'unknown', at: 'p.yaml:6:7' },
        { key: 'container:id', expected: 'x', observed: 'absent', state: 'absent', at: 'p.yaml:7:7' },
      ],
    });
  });

  it('names several determining rules, and a reason', () => {
    const decision: Decision = { effect: 'deny', cause: 'rule', rules: ['a', 'b'], reason: 'no tracing', grant: {} };
    const record = toRecord(admission({ ...stubPolicy(), decide: () => decision }), catalogue);
    assert.deepEqual([record.rule, record.reason], [['a', 'b'], 'no tracing']);
  });

  it('of a peer that nobody attested has code and reason, and neither peer nor nearest miss', () => {
    let asked = 0;
    const record = toRecord(admission({ nearest: () => { asked += 1; return MISS; } }, fakePeerSource(() => ({ refused: 'socket-not-unix', detail: 'AF_INET' }))), catalogue);
    assert.deepEqual([record.cause, record.code, record.reason, record.peer, record.nearest, record.selectors, asked], ['peer-refused', 'socket-not-unix', 'AF_INET', undefined, undefined, {}, 0]);
  });

  it('of a defect has the chain of errors', () => {
    const raise = (): never => { throw new Error('outer', { cause: new Error('inner') }); };
    const { cause, error } = toRecord(admission({ allow: raise }), catalogue);
    assert.deepEqual([cause, error], ['defect', 'outer\n  because inner']);
  });

  it('has the shadow results that were found', () => {
    const seen = admission({});
    seen.shadow = [{ rule: 's', effect: 'deny', matched: 'true' }];
    assert.deepEqual(toRecord(seen, catalogue).shadow, [{ rule: 's', effect: 'deny', matched: 'true' }]);
  });

  it('is made of a refusal though the policy cannot say what came nearest', () => {
    const { decision, nearest } = toRecord(admission({ nearest: () => { throw new Error('defect'); } }), catalogue);
    assert.deepEqual([decision, nearest], ['deny', undefined]);
  });

  it('survives being written and read as JSON', () => {
    const record = toRecord(admission({ nearest: () => MISS }), catalogue);
    assert.deepEqual(JSON.parse(JSON.stringify(record)), record);
  });
});
