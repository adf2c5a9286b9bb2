import assert from 'node:assert/strict';
import { exhaustedLimits, type Evidenced, type LimitState, type SelectorKey } from '@portcullis/core';
import { Limiter } from '../../core/dist/limits/limiter.js';
import { compilePolicyText, explain, formatExplanation, formatFindings, type CompiledPolicy } from '@portcullis/policy';
import { CATALOGUE } from './support/catalogue.js';

const T0 = Date.parse('2026-11-23T09:00:00Z');

function compile(rules: string): CompiledPolicy {
  const loaded = compilePolicyText(`apiVersion: portcullis/v1\nkind: AdmissionPolicy\nrules:\n${rules}`, { catalogue: CATALOGUE, file: 'policy.yaml' });
  assert.ok(loaded.policy, formatFindings(loaded.findings, loaded.sources));
  return loaded.policy;
}

const number = (value: number): Evidenced => ({ state: 'present', values: [value], tier: 'kernel-connect' });
const peer = (uid: number, rest: Readonly<Record<SelectorKey, Evidenced>> = {}) => new Map<SelectorKey, Evidenced>([['unix:uid', number(uid)], ...(Object.entries(rest) as [SelectorKey, Evidenced][])]);
const at = (limits?: LimitState, nowMs = T0) => ({ listener: 'default', nowMs, limits });

describe('a limit', () => {
  it('that is exhausted makes its rule not match: another may still allow, and without one the cause is `limit`', () => {
    const policy = compile('  - { id: few, effect: allow, when: { unix:uid: [1, 2] }, limit: { key: [unix:uid], rate: 1/s }, grant: { a: 1 } }\n  - { id: other, effect: allow, when: { unix:uid: 2 }, grant: { b: 2 } }\n');
    const full = at(exhaustedLimits(['few']));
    const alone = policy.decide(peer(1), full);
    assert.deepEqual([alone.effect, alone.cause, alone.rules, alone.exhausted, alone.limits], ['deny', 'limit', ['few'], ['few'], undefined]);
    const both = policy.decide(peer(2), full);
    assert.deepEqual([both.effect, both.rules, { ...both.grant }, both.exhausted, both.limits], ['allow', ['other'], { b: 2 }, ['few'], undefined]);
    const free = policy.decide(peer(2), at());
    assert.deepEqual([free.rules, { ...free.grant }, free.exhausted, free.limits?.map(({ rule }) => rule)], [['few', 'other'], { a: 1, b: 2 }, undefined, ['few']]);
  });

  it('that is exhausted lets the keys of other rules be asked', () => {
    const policy = compile('  - { id: few, effect: allow, when: { unix:uid: 1 }, limit: { key: [unix:uid], concurrent: 1 } }\n  - { id: other, effect: allow, when: { linux:label: x } }\n');
    assert.deepEqual([...policy.wanted(peer(1), at())], []);
    assert.deepEqual([...policy.wanted(peer(1), at(exhaustedLimits(['few'])))], ['linux:label']);
  });

  it('has its keys asked, and does not match where one is unknown or too weak (I4)', () => {
    const policy = compile('  - { id: few, effect: allow, when: { unix:uid: 1 }, limit: { key: [unix:gid, linux:label], rate: 1/s } }\n');
    assert.deepEqual([...policy.keys].sort(), ['linux:label', 'unix:gid', 'unix:uid']);
    assert.deepEqual([...policy.wanted(peer(1), at())].sort(), ['linux:label', 'unix:gid']);
    assert.deepEqual([...policy.wanted(peer(2), at())], []);
    const known = { 'unix:gid': number(5), 'linux:label': { state: 'absent', tier: 'kernel-connect' } } as const;
    assert.equal(policy.decide(peer(1, known), at()).effect, 'allow');
    for (const blind of [{ state: 'unknown', why: 'permission' }, { state: 'present', values: ['x'], tier: 'heuristic' }] as const) {
      const decision = policy.decide(peer(1, { ...known, 'linux:label': blind }), at(exhaustedLimits(['few'])));
      assert.deepEqual([decision.effect, decision.cause], ['deny', 'default']);
    }
    assert.equal(policy.decide(peer(1), at()).effect, 'deny');
  });

  it('counts by a real limiter: so many at once, then as time goes by, for each set of values', () => {
    const policy = compile('  - { id: few, effect: allow, when: { unix:uid: { range: [1, 9] } }, limit: { key: [unix:uid], rate: 60/m, burst: 2 } }\n');
    const limiter = new Limiter();
    const come = (uid: number, nowMs: number) => {
      const context = at(limiter, nowMs);
      return limiter.charge(policy.decide(peer(uid), context), peer(uid), nowMs, () => policy.decide(peer(uid), context)).decision.cause;
    };
    assert.deepEqual([come(1, T0), come(1, T0), come(1, T0), come(2, T0), come(1, T0 + 1000), come(1, T0 + 1000)], ['rule', 'rule', 'limit', 'rule', 'rule', 'limit']);
  });

  it('keeps its identity while rule and limit are the same, whatever else the policy says', () => {
    const id = (rule: string, more = '') => compile(`${more}  - { id: few, effect: allow, when: { unix:uid: 1 }, ${rule} }\n`).limits[0]?.id;
    const same = id('limit: { key: [unix:uid], rate: 20/s, burst: 20 }');
    assert.equal(id('limit: { burst: 20, rate: 20/s, key: [unix:uid] }, reason: x', '  - { id: a, effect: deny, when: { unix:uid: 9 } }\n'), same);
    for (const other of ['limit: { key: [unix:uid], rate: 21/s, burst: 20 }', 'limit: { key: [unix:uid], rate: 20/s, burst: 21 }', 'limit: { key: [unix:gid], rate: 20/s }', 'limit: { key: [unix:uid], rate: 20/s, concurrent: 1 }']) {
      assert.notEqual(id(other), same);
    }
  });

  it('of a shadow rule is charged by nobody', () => {
    const policy = compile('  - { id: s, effect: allow, mode: shadow, when: { unix:uid: 1 }, limit: { key: [unix:uid], rate: 1/s } }\n  - { id: r, effect: allow, when: { unix:uid: 1 } }\n');
    assert.deepEqual(policy.limits, []);
    assert.equal(policy.decide(peer(1), at()).limits, undefined);
    assert.deepEqual(policy.shadow(peer(1), at(exhaustedLimits(['s']))).map(({ rule }) => rule), ['s']);
  });

  it('is a condition of the nearest miss and of explanations, with its place', () => {
    const policy = compile('  - { id: few, effect: allow, when: { unix:uid: 1 }, limit: { key: [unix:uid], rate: 20/s, burst: 40, concurrent: 8 } }\n');
    const context = at(exhaustedLimits(['few']));
    const condition = { key: 'rule:limit', expected: '20/s, burst 40, 8 at once, for each unix:uid', observed: ['exhausted'], state: 'present', place: { file: 'policy.yaml', line: 4, column: 61 } };
    assert.deepEqual(policy.nearest(peer(1), context)?.failed, [condition]);
    assert.ok(formatExplanation(explain(policy, peer(1), context)).includes('- rule:limit 20/s, burst 40, 8 at once, for each unix:uid: is exhausted  4:61'));
    assert.ok(formatExplanation(explain(policy, peer(1), at())).includes('+ rule:limit 20/s, burst 40, 8 at once, for each unix:uid: is not exhausted  4:61'));
  });

  it('does not let the same limit be read twice from one decision (I6): the same inputs, the same answer', () => {
    const policy = compile('  - { id: few, effect: allow, when: { unix:uid: 1 }, limit: { key: [unix:uid], rate: 1/s } }\n');
    const limiter = new Limiter();
    const first = policy.decide(peer(1), at(limiter));
    for (let i = 0; i < 100; i += 1) assert.equal(policy.decide(peer(1), at(limiter)), first);
    assert.equal(limiter.size, 0);
  });
});
