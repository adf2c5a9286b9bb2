// PORTCULLIS_PROPERTY_RUNS has as many runs.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Admission, Collector, Engine, escapeJson, toRecord, trustSuffices, type Attested, type Evidenced, type SelectorKey } from '@portcullis/core';
import { fakeAttestor, fakePeerSource } from '@portcullis/core/testing';
import { compilePolicyText, Completions, formatFindings, readRecord, RecordProblem, replayRecord, ReplayReport, type CompiledPolicy, type Completed, type RecordedDecision } from '@portcullis/policy';
import { fullEvidence, KEYS, LISTENERS, NOW, policyDoc } from '../support/arbitrary.js';
import { CATALOGUE, DEFINITIONS } from '../support/catalogue.js';
import { oracleDecide } from '../support/oracle.js';

const RUNS = Number(process.env['PORTCULLIS_PROPERTY_RUNS'] ?? 300);

function compile(doc: object): CompiledPolicy {
  const loaded = compilePolicyText(JSON.stringify({ apiVersion: 'portcullis/v1', kind: 'AdmissionPolicy', ...doc }), { catalogue: CATALOGUE });
  assert.ok(loaded.policy, formatFindings(loaded.findings, loaded.sources));
  return loaded.policy;
}

const listener = fc.constantFrom(...LISTENERS, 'unbound');
const NONE = new Map<never, never>();

/** As an attestor may answer: no tier is stronger than the catalogue promises. */
function honest(full: ReadonlyMap<SelectorKey, Evidenced>): ReadonlyMap<SelectorKey, Evidenced> {
  return new Map([...full].map(([key, one]) => {
    const trust = CATALOGUE.find(key)?.trust ?? 'image';
    return [key, one.state === 'unknown' || trustSuffices(trust, one.tier) ? one : { ...one, tier: trust }];
  }));
}

/** The record of a connection, made by the engine and read again from its line. */
function recorded(policy: CompiledPolicy, full: ReadonlyMap<SelectorKey, Evidenced>, name: string, later: readonly SelectorKey[] = []): { readonly record: RecordedDecision; readonly admission: Admission } {
  const attestor = fakeAttestor({ selectors: DEFINITIONS, attest: ({ wanted }) => new Map(wanted.map((key) => [key, full.get(key) ?? { state: 'absent' }])) });
  const context = { listener: name, nowMs: NOW };
  const attested = new Engine(fakePeerSource({ uid: 7 }), new Collector([attestor]), 1000).admit({ fd: undefined, origin: undefined }, policy, context, () => undefined) as Attested;
  const admission = new Admission(attested, policy, context);
  for (const key of later) if (!attested.evidence.has(key)) attested.evidence.set(key, full.get(key) ?? { state: 'absent', tier: 'image' });
  const line = escapeJson(JSON.stringify(toRecord(admission, CATALOGUE)));
  return { record: readRecord(JSON.parse(line) as Record<string, unknown>, CATALOGUE), admission };
}

describe('recorded evidence', function () {
  this.timeout(120_000);

  it('replayed under the same policy gives the same decision, cause, rules and grant, whatever was collected after it (I6)', () => {
    fc.assert(fc.property(policyDoc(12), fullEvidence, listener, fc.subarray(KEYS), (doc, full, name, later) => {
      const policy = compile(doc);
      const { record, admission: { decision } } = recorded(policy, honest(full), name, later);
      const { change, decision: again } = replayRecord(record, new Completions(policy));
      assert.equal(change, 'same');
      assert.deepEqual(again, decision);
    }), { numRuns: RUNS });
  });

  it('replayed under another policy gives what that decides of the whole peer, or nothing', () => {
    const seen = new Set<Completed['effect']>();
    fc.assert(fc.property(policyDoc(6), policyDoc(6), fullEvidence, listener, (doc, other, full, name) => {
      const peer = honest(full);
      const { record } = recorded(compile(doc), peer, name);
      const { effect, decision, grantUndetermined } = new Completions(compile(other)).decide(record.evidence, NONE, { listener: name, nowMs: NOW });
      seen.add(effect);
      if (effect === 'undetermined') return;
      const expected = oracleDecide(other, peer, name, NOW);
      assert.equal(effect, expected.effect);
      if (grantUndetermined !== true) assert.deepEqual({ ...decision?.grant }, expected.grant);
    }), { numRuns: RUNS });
    assert.deepEqual([...seen].sort(), ['allow', 'deny', 'undetermined']);
  });
});

describe('a replay', () => {
  const context = { listener: 'x', nowMs: NOW };
  const uid = (value: number): Evidenced => ({ state: 'present', values: [value], tier: 'kernel-connect' });
  const rules = (...list: readonly object[]): Completions => new Completions(compile({ rules: list.map((rule, index) => ({ id: `r${String(index)}`, ...rule })) }));
  const PEOPLE = { effect: 'allow', when: { 'unix:uid': 7 } };

  it('is undetermined where a key that nobody asked for matters, and names it', () => {
    const denied = rules(PEOPLE, { effect: 'deny', when: { 'linux:tracer': { exists: true } } });
    assert.deepEqual(denied.decide(new Map([['unix:uid', uid(7)]]), NONE, context), { effect: 'undetermined', missing: ['linux:tracer'] });
    // Who would be refused in any case is refused.
    assert.equal(denied.decide(new Map([['unix:uid', uid(8)]]), NONE, context).effect, 'deny');
  });

  it('is determined where every value of the missing key comes to the same', () => {
    const walls = [1, { not: 1 }, { exists: false }].map((matcher) => ({ effect: 'deny', when: { 'linux:tracer': matcher } }));
    assert.equal(rules(PEOPLE, ...walls).decide(new Map([['unix:uid', uid(7)]]), NONE, context).effect, 'deny');
    const doors = [1, { not: 1 }, { exists: false }].map((matcher) => ({ effect: 'allow', when: { 'unix:uid': 7, 'linux:tracer': matcher } }));
    // Nobody may have been able to look.
    assert.equal(rules(...doors).decide(new Map([['unix:uid', uid(7)]]), NONE, context).effect, 'undetermined');
  });

  it('knows of a masked value that there was one (I10)', () => {
    const masked = new Map<SelectorKey, 'peer-asserted'>([['env:CI', 'peer-asserted']]);
    const evidence = new Map<SelectorKey, Evidenced>([['unix:uid', uid(7)]]);
    const rule = (matcher: unknown): object => ({ effect: 'allow', requires: 'peer-asserted', when: { 'unix:uid': 7, 'env:CI': matcher } });
    assert.equal(rules(rule({ exists: true })).decide(evidence, masked, context).effect, 'allow');
    assert.equal(rules(rule({ exists: false })).decide(evidence, masked, context).effect, 'deny');
    assert.deepEqual(rules(rule('true')).decide(evidence, masked, context), { effect: 'undetermined', missing: ['env:CI'] });
  });

  it('says so where only the grant depends on what is missing', () => {
    const policy = rules({ ...PEOPLE, grant: { a: 1 } }, { effect: 'allow', when: { 'unix:gid': 5 }, grant: { b: 1 } });
    const { effect, grantUndetermined, missing } = policy.decide(new Map([['unix:uid', uid(7)]]), NONE, context);
    assert.deepEqual([effect, grantUndetermined, missing], ['allow', true, ['unix:gid']]);
  });

  it('takes what was asked too late as not asked: a gate that wants it asks in time', () => {
    const line = { event: 'decision', time: '2026-11-21T12:00:00Z', listener: 'x', decision: 'deny', cause: 'default', peer: { uid: 7 }, selectors: { 'unix:uid': { values: [7], tier: 'kernel-connect' } }, unknown: { 'linux:tracer': 'peer-exited: gone' }, after: ['linux:tracer'] };
    const strict = rules(PEOPLE, { effect: 'deny', when: { 'linux:tracer': { exists: true } } });
    assert.equal(replayRecord(readRecord(line, CATALOGUE), strict).change, 'undetermined');
    assert.equal(replayRecord(readRecord({ ...line, after: [] }, CATALOGUE), strict).change, 'same');
  });

  it('leaves alone what no policy decided', () => {
    const line = { event: 'decision', time: '2026-11-21T12:00:00Z', listener: 'x', decision: 'deny', cause: 'peer-lost', selectors: { 'unix:uid': { values: [7], tier: 'kernel-connect' } } };
    assert.equal(replayRecord(readRecord(line, CATALOGUE), rules(PEOPLE)).change, 'beside');
  });

  it('groups what changes by rules and peer, in bounded memory', () => {
    const report = new ReplayReport();
    const completions = rules(PEOPLE);
    for (let line = 1; line <= 5000; line++) {
      const cause = line % 2 === 0 ? 'default' : `forged-${String(line)}`;
      const record = readRecord({ event: 'decision', time: '2026-11-21T12:00:00Z', listener: `l${String(line)}`, decision: 'deny', cause, peer: { uid: 7 }, selectors: { 'unix:uid': { values: [7], tier: 'kernel-connect' } } }, CATALOGUE);
      report.add(record, replayRecord(record, completions), line);
    }
    const [largest] = report.groups;
    assert.equal(report.counts.admits, 5000);
    assert.deepEqual([largest?.change, largest?.count, largest?.now?.rules, largest?.was.cause, largest?.peers[0]?.line], ['admits', 2500, ['r0'], 'default', 2]);
    assert.ok(report.groups.length <= 1000 && (largest?.peers.length ?? 0) <= 50);
    const counted = report.groups.reduce((sum, { count }) => sum + count, 0);
    assert.equal(counted + report.ungrouped, 5000);
    assert.equal((largest?.peers.length ?? 0) + (largest?.omitted ?? 0), 2500);
  });
});

describe('a line that is no honest record', () => {
  const good = { event: 'decision', time: '2026-11-21T12:00:00Z', listener: 'x', decision: 'deny', cause: 'default', selectors: {} };
  const uids = (entry: unknown): object => ({ ...good, selectors: { 'unix:uid': entry } });
  const bad: Readonly<Record<string, unknown>> = {
    'a decision that there is not': { ...good, decision: 'maybe' },
    'a day that there is not': { ...good, time: '2026-02-31T12:00:00Z' },
    'no selectors': { ...good, selectors: [] },
    'a selector that is text': uids('7'),
    'a value of another type': uids({ values: ['7'], tier: 'kernel-connect' }),
    'two values where there is one': uids({ values: [1, 2], tier: 'kernel-connect' }),
    'no value': uids({ values: [], tier: 'kernel-connect' }),
    'no tier': uids({ values: [7] }),
    'a tier of Object.prototype': uids({ values: [7], tier: 'constructor' }),
    'a tier that no attestor can give': { ...good, selectors: { 'unix:path': { values: ['/a'], tier: 'kernel-connect' } } },
    'an unknown without a reason': { ...good, unknown: { 'unix:uid': 5 } },
    'a rule that is a number': { ...good, rule: [5] },
  };
  for (const [what, line] of Object.entries(bad)) {
    it(`is a problem: ${what}`, () => { assert.throws(() => readRecord(line as Record<string, unknown>, CATALOGUE), RecordProblem); });
  }

  it('adds no key that the catalogue has not, and nothing of Object.prototype', () => {
    const line = JSON.parse('{"event":"decision","time":"2026-11-21T12:00:00Z","listener":"x","decision":"deny","cause":"default","selectors":{"__proto__":{"values":[1],"tier":"image"},"no:body":{"values":[1],"tier":"image"}}}') as Record<string, unknown>;
    assert.equal(readRecord(line, CATALOGUE).evidence.size, 0);
  });
});
