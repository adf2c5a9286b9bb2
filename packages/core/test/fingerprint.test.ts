import assert from 'node:assert/strict';
import fc from 'fast-check';
import { fingerprint, type Evidenced, type SelectorKey } from '../dist/index.js';

const tier = 'kernel-connect';
const evidence = new Map<SelectorKey, Evidenced>([
  ['unix:uid', { state: 'present', values: [1000], tier }],
  ['unix:group', { state: 'present', values: ['a', 'b'], tier }],
  ['container:id', { state: 'absent', tier }],
  ['unix:path', { state: 'unknown', why: 'permission' }],
]);
const complete: readonly SelectorKey[] = ['unix:uid', 'unix:group', 'container:id'];

describe('a fingerprint', () => {
  it('is the same for the same facts, whatever the order and however often a key is named', () => {
    const expected = fingerprint(evidence, complete);
    assert.match(expected, /^[0-9a-f]{64}$/);
    fc.assert(fc.property(fc.shuffledSubarray([...complete], { minLength: 3 }), (keys) => {
      assert.equal(fingerprint(evidence, [...keys, ...keys]), expected);
      assert.equal(fingerprint(new Map([...evidence].reverse()), keys), expected);
    }));
  });

  it('is the same in every version: applications store it', () => {
    assert.equal(fingerprint(evidence, ['unix:uid']), '35c37708e5278fbfc582866778549a5c1e46faa5ed1e427468df4c17625452fe');
  });

  it('does not depend on how a fact was learnt', () => {
    assert.equal(fingerprint(new Map([['unix:uid', { state: 'present', values: [1000], tier: 'heuristic' }]]), ['unix:uid']), fingerprint(evidence, ['unix:uid']));
  });

  it('differs with keys, values and absence', () => {
    const seen = new Set<string>();
    for (const entry of [{ state: 'present', values: [1], tier }, { state: 'present', values: ['1'], tier }, { state: 'present', values: [1, 2], tier }, { state: 'absent', tier }] as const) {
      seen.add(fingerprint(new Map([['unix:uid', entry]]), ['unix:uid']));
      seen.add(fingerprint(new Map([['unix:gid', entry]]), ['unix:gid']));
    }
    assert.equal(seen.size, 8);
  });

  it('is refused where a key is unknown, was not collected, or none was given', () => {
    for (const keys of [['unix:uid', 'unix:path'], ['unix:uid', 'unix:sha256'], []] as SelectorKey[][]) {
      assert.throws(() => fingerprint(evidence, keys), { code: 'FINGERPRINT_INCOMPLETE' });
    }
  });
});
