// PORTCULLIS_PROPERTY_RUNS has as many runs.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { compilePolicyText, comparePolicies, formatEvidence, formatFindings, holdsWitness, parseEvidence, type Comparison, type CompiledPolicy } from '@portcullis/policy';
import { fullEvidence, LISTENERS, NOW, policyDoc } from '../support/arbitrary.js';
import { CATALOGUE } from '../support/catalogue.js';
import { oracleDecide, type PolicyDoc } from '../support/oracle.js';

const RUNS = Number(process.env['PORTCULLIS_PROPERTY_RUNS'] ?? 150);
const MOST = 20_000;

function compile(doc: object): CompiledPolicy {
  const loaded = compilePolicyText(JSON.stringify({ apiVersion: 'portcullis/v1', kind: 'AdmissionPolicy', ...doc }), { catalogue: CATALOGUE });
  assert.ok(loaded.policy, formatFindings(loaded.findings, loaded.sources));
  return loaded.policy;
}

const rules = (...list: readonly object[]): CompiledPolicy => compile({ rules: list.map((rule, index) => ({ id: `r${String(index)}`, ...rule })) });
const compare = (before: CompiledPolicy, after: CompiledPolicy): Comparison => comparePolicies(before, after, NOW, MOST);
const kinds = (before: CompiledPolicy, after: CompiledPolicy): readonly string[] => [...new Set(compare(before, after).differences.map(({ kind }) => kind))].sort();
const PEOPLE = { effect: 'allow', when: { 'unix:uid': { range: [1000, 1999] } } };
const TRACED = { effect: 'deny', when: { 'linux:tracer': { exists: true } } };

describe('a comparison of random policies', function () {
  this.timeout(300_000);

  it('finds each difference that a peer shows, and none that its witness does not show', () => {
    const outcomes = new Set<Comparison['outcome']>();
    fc.assert(fc.property(policyDoc(3), policyDoc(3), fc.array(fullEvidence, { minLength: 3, maxLength: 10 }), fc.constantFrom(...LISTENERS, 'unbound'), fc.boolean(), (before, other, peers, listener, near) => {
      // Near: one rule more than the same.
      const after = near ? (JSON.parse(JSON.stringify({ ...before, rules: [...before.rules, { ...other.rules[0], id: 'more', grant: undefined }] })) as PolicyDoc) : other;
      const [a, b] = [compile(before), compile(after)];
      const result = compare(a, b);
      outcomes.add(result.outcome);
      for (const difference of result.differences) {
        assert.ok(holdsWitness(difference, a, b, CATALOGUE));
        const was = oracleDecide(before, difference.peer, difference.listener, difference.nowMs);
        const now = oracleDecide(after, difference.peer, difference.listener, difference.nowMs);
        if (difference.kind.startsWith('admits')) assert.notEqual(was.effect, now.effect);
        if (difference.kind === 'grant') assert.notDeepEqual(was.grant, now.grant);
      }
      for (const peer of peers) {
        const was = oracleDecide(before, peer, listener, NOW);
        const now = oracleDecide(after, peer, listener, NOW);
        if (was.effect === now.effect || !result.complete) continue;
        const kind = now.effect === 'allow' ? 'admits-more' : 'admits-less';
        assert.ok(result.differences.some((one) => one.kind === kind && one.listeners.length > 0), `${kind} is missing`);
      }
    }), { numRuns: RUNS });
    assert.ok(outcomes.has('same') && outcomes.has('different'));
  });
});

describe('a comparison', () => {
  it('is the same where rules are only written otherwise', () => {
    const set = compile({ sets: { people: { 'unix:uid': { range: [1000, 1999] } } }, rules: [{ id: 'b', effect: 'allow', reason: 'x', when: { use: 'people' } }] });
    assert.deepEqual([compare(rules(PEOPLE), set).outcome, compare(rules(PEOPLE), set).rules], ['same', { added: ['b'], removed: ['r0'], changed: [] }]);
    const split = rules({ effect: 'allow', when: { 'unix:uid': { range: [1000, 1500] } } }, { effect: 'allow', when: { 'unix:uid': { range: [1501, 1999] } } });
    assert.equal(compare(rules(PEOPLE), split).outcome, 'same');
    assert.equal(compare(rules(PEOPLE, TRACED, TRACED), rules(TRACED, PEOPLE)).outcome, 'same');
  });

  it('says what admits more and what less, each with a peer that shows it', () => {
    const { differences, complete, rules: changes } = compare(rules(PEOPLE, TRACED), rules({ effect: 'allow', when: { 'unix:uid': { range: [1001, 2000] } } }, TRACED));
    assert.ok(complete);
    assert.deepEqual(changes, { added: [], removed: [], changed: [{ id: 'r0', words: ['when'] }] });
    assert.deepEqual(differences.map(({ kind, peer }) => [kind, formatEvidence(peer, CATALOGUE)]).sort(), [
      ['admits-less', 'unix:uid: 1000\nlinux:tracer: null\n'], ['admits-more', 'unix:uid: 2000\nlinux:tracer: null\n'],
    ]);
  });

  it('knows grant, lease, listeners, expiry and unknown evidence', () => {
    assert.deepEqual(kinds(rules({ ...PEOPLE, grant: { a: 1 } }), rules({ ...PEOPLE, grant: { a: 2 } })), ['grant']);
    assert.deepEqual(kinds(rules(PEOPLE), rules({ ...PEOPLE, lease: { onPeerExit: 'ignore' } })), ['lease']);
    assert.deepEqual(kinds(rules(PEOPLE), rules({ ...PEOPLE, handoff: 'deny' })), ['lease']);
    assert.deepEqual(compare(rules(PEOPLE), rules({ ...PEOPLE, handoff: 'deny' })).rules.changed, [{ id: 'r0', words: ['handoff'] }]);
    assert.deepEqual(compare(rules(PEOPLE), rules({ ...PEOPLE, lease: { onPeerExit: 'ignore' } })).rules.changed, [{ id: 'r0', words: ['lease'] }]);
    assert.deepEqual(kinds(rules(PEOPLE), rules({ ...PEOPLE, handoff: 'allow' })), []);
    assert.deepEqual(kinds(rules(PEOPLE), rules({ ...PEOPLE, listeners: ['front'] })), ['admits-less']);
    assert.deepEqual(kinds(rules({ ...PEOPLE, expires: '2027-01-01T00:00:00Z' }), rules(PEOPLE)), ['admits-more']);
    assert.deepEqual(kinds(rules(PEOPLE, TRACED), rules(PEOPLE, { ...TRACED, onUnknown: 'skip' })), ['admits-more']);
    assert.deepEqual(kinds(rules(PEOPLE, { ...TRACED, mode: 'shadow' }), rules(PEOPLE)), []);
  });

  it('knows windows, limits, and the end of a whole policy', () => {
    const window = (hours: string): object => ({ ...PEOPLE, window: { hours, tz: 'Europe/Berlin' } });
    assert.deepEqual(kinds(rules(window('06:00-22:00')), rules(window('06:00-21:00'))), ['admits-less']);
    assert.deepEqual(kinds(rules(window('06:00-22:00')), rules(window('06:00-22:00'))), []);
    const limit = (rate: string): object => ({ ...PEOPLE, limit: { key: ['unix:uid'], rate } });
    assert.deepEqual(kinds(rules(limit('20/s')), rules(limit('30/s'))), ['limit']);
    assert.equal(compare(rules(limit('20/s')), rules(limit('20/s'))).rules.changed.length, 0);
    const ends = (expires: string): CompiledPolicy => compile({ expires, rules: [{ id: 'r0', ...PEOPLE }] });
    assert.deepEqual(kinds(ends('2027-01-01T00:00:00Z'), ends('2027-02-01T00:00:00Z')), ['admits-more']);
    assert.deepEqual(kinds(ends('2027-01-01T00:00:00Z'), rules(PEOPLE)), ['admits-more']);
  });

  it('shows weaker evidence where that alone makes the difference, and writes it down so that it is read again', () => {
    const path = (requires: string): CompiledPolicy => rules({ effect: 'allow', requires, when: { 'unix:uid': 7, 'unix:path': '/usr/bin/node' } });
    const [difference] = compare(path('image'), path('image-unverified')).differences;
    assert.ok(difference !== undefined);
    const text = formatEvidence(difference.peer, CATALOGUE);
    assert.equal(text, 'unix:uid: 7\nunix:path: "/usr/bin/node"\ntiers: { unix:path: image-unverified }\n');
    assert.deepEqual(parseEvidence(text, CATALOGUE).evidence?.get('unix:path'), { state: 'present', values: ['/usr/bin/node'], tier: 'image-unverified' });
  });

  it('never says same where it did not look at everything', () => {
    const many = (last: number): CompiledPolicy => rules(...[1, 2, 3, 4, 5].map((number) => ({ effect: 'allow', when: { 'unix:uid': number, 'unix:gid': number, 'linux:label': number === 5 ? `l${String(last)}` : 'x' } })));
    const { outcome, complete } = comparePolicies(many(1), many(2), NOW, 2);
    assert.deepEqual([outcome, complete], ['undecided', false]);
    assert.equal(comparePolicies(many(1), many(2), NOW, MOST).outcome, 'different');
  });

  it('of a small change to a large policy is a small search', () => {
    const large = (changed: number): CompiledPolicy => compile({ rules: Array.from({ length: 3000 }, (_, index) => ({ id: `r${String(index)}`, effect: 'allow', when: { 'unix:uid': index, 'unix:path': `/opt/${String(index === 7 ? changed : index)}/run` } })) });
    const { looks, complete, differences } = compare(large(7), large(8));
    assert.deepEqual([complete, differences.map(({ kind }) => kind).sort()], [true, ['admits-less', 'admits-more']]);
    assert.ok(looks < 10_000, String(looks));
  });
});
