import assert from 'node:assert/strict';
import type { DecisionRecord } from '@portcullis/core';
import { judge, leaks, type Came } from '../../dist/demo/outcome.js';
import { ADMITTED, deniedBy, unmatched, type Expected } from '../../dist/demo/scenario.js';
import { GREETING, type Service } from '../../dist/demo/service.js';

const EMPTY = { event: 'decision', time: '', listener: 'demo', selectors: {}, policy: '1', micros: {} } as unknown as DecisionRecord;

function came(expected: Expected, record: Partial<DecisionRecord> | undefined, output = ''): Came {
  const plan = { command: { path: '/bin/true', args: [], input: '' }, uid: 0, expected };
  return judge({ name: 'one', peer: 'one', plan: () => plan }, plan, { pid: 1, output, record: record && { ...EMPTY, ...record } });
}

const admitted = came(ADMITTED, { decision: 'allow', cause: 'rule', rule: 'honest-client' }, GREETING);
const service = (seen: number, connections: number): Service => ({ seen: () => seen, connections }) as unknown as Service;

describe('the check at the end of the demo', () => {
  it('is content when all was as expected', () => {
    assert.deepEqual(admitted.wrong, []);
    assert.deepEqual(leaks(service(1, 1), [admitted], 0), []);
    assert.deepEqual(leaks(service(1, 3), [admitted], 2), []);
  });

  for (const [what, wrong] of [
    ['a peer that nothing was decided on', came(ADMITTED, undefined)],
    ['an honest peer that is refused', came(ADMITTED, { decision: 'deny', cause: 'default' })],
    ['an admitted peer that the service did not answer', came(ADMITTED, { decision: 'allow', cause: 'rule', rule: 'honest-client' })],
    ['a peer that another rule refused', came(deniedBy('no-tracers'), { decision: 'deny', cause: 'rule', rule: 'other' })],
    ['a refused peer that was answered all the same', came(deniedBy('no-tracers'), { decision: 'deny', cause: 'rule', rule: 'no-tracers' }, GREETING)],
    ['a peer that was refused for another reason', came(unmatched('unix:uid'), { decision: 'deny', cause: 'default', nearest: { rule: 'r', at: '', failed: [] } })],
  ] as const) {
    it(`notices ${what}`, () => { assert.notDeepEqual(wrong.wrong, []); });
  }

  it('of a gate that only observes wants the decision, and the answer for whoever it let through', () => {
    const observed = { decision: 'deny', cause: 'rule', rule: 'no-tracers', observe: 'admitted' } as const;
    assert.deepEqual(came(deniedBy('no-tracers'), observed, GREETING).wrong, []);
    assert.deepEqual(leaks(service(1, 1), [came(deniedBy('no-tracers'), observed, GREETING)], 0), []);
    assert.notDeepEqual(came(deniedBy('no-tracers'), observed).wrong, []);
    assert.notDeepEqual(came(ADMITTED, observed, GREETING).wrong, []);
    assert.notDeepEqual(came(deniedBy('no-tracers'), { ...observed, observe: 'refused' }, GREETING).wrong, []);
  });

  it('of a policy that is not its own wants the decision alone', () => {
    assert.deepEqual(came({ decision: 'deny' }, { decision: 'deny', cause: 'unknown-evidence', rule: 'other' }).wrong, []);
    assert.notDeepEqual(came({ decision: 'deny' }, { decision: 'allow', cause: 'rule', rule: 'other' }, GREETING).wrong, []);
  });

  it('notices a request or a connection of a refused peer that got through (I1)', () => {
    const refused = came(deniedBy('no-tracers'), { decision: 'deny', cause: 'rule', rule: 'no-tracers' });
    assert.deepEqual(leaks(service(0, 0), [refused], 0), []);
    assert.equal(leaks(service(1, 0), [refused], 0).length, 1);
    assert.equal(leaks(service(0, 1), [refused], 0).length, 1);
  });
});
