import assert from 'node:assert/strict';
import fc from 'fast-check';
import { compilePolicyText } from '@portcullis/policy';
import { compileSteps } from '../dist/compile/compile-rules.js';
import { IntervalTree } from '../dist/compile/interval-tree.js';
import { PrefixTree } from '../dist/compile/prefix-tree.js';
import { OF_A_STEP } from '../dist/compile/steps.js';
import { OneValue } from '../dist/source/one-value.js';
import { CATALOGUE } from './support/catalogue.js';

describe('the interval tree', () => {
  it('finds the intervals that a look at each of them finds, ends included', () => {
    const interval = fc.tuple(fc.nat(40), fc.nat(10)).map(([from, length]) => ({ from, to: from + length }));
    fc.assert(fc.property(fc.array(interval, { maxLength: 60 }), fc.nat(55), (intervals, point) => {
      const found: number[] = [];
      new IntervalTree(intervals.map((one, item) => ({ ...one, item }))).find(point, found);
      const expected = intervals.flatMap(({ from, to }, item) => (from <= point && point <= to ? [item] : []));
      assert.deepEqual(found.sort((a, b) => a - b), expected);
    }), { numRuns: 2000 });
  });
});

describe('the prefix tree', () => {
  it('finds the prefixes that a look at each of them finds', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 6 });
    fc.assert(fc.property(fc.array(text, { maxLength: 40 }), text, (prefixes, value) => {
      const tree = new PrefixTree<number>();
      for (const [item, prefix] of prefixes.entries()) tree.add(prefix, item);
      const found: number[] = [];
      tree.find(value, found);
      assert.deepEqual(found.sort((a, b) => a - b), prefixes.flatMap((prefix, item) => (value.startsWith(prefix) ? [item] : [])));
    }), { numRuns: 2000 });
  });
});

describe('compiling in steps', () => {
  it('stops often, however large a policy is, and shows nothing before the end', () => {
    const count = 4 * OF_A_STEP;
    const listed = Array.from({ length: count }, (_, at) => `  - { id: r${String(at)}, effect: allow, when: { unix:uid: ${String(at)}, unix:path: /bin/x } }`);
    const { policy } = compilePolicyText(`apiVersion: portcullis/v1\nkind: AdmissionPolicy\nrules:\n${listed.join('\n')}\n`, { catalogue: CATALOGUE });
    assert.ok(policy !== undefined);
    const steps = compileSteps(policy.rules);
    let taken = 0;
    let step = steps.next();
    for (; step.done !== true; step = steps.next(), taken++) assert.equal(step.value, undefined);
    assert.equal(step.value.conjuncts.length, count);
    // Every rule is passed three times: brought into its form, given to its plan, filed.
    assert.ok(taken >= 12 && taken < 20, String(taken));
  });
});

describe('a set of one value', () => {
  it('is like a set', () => {
    for (const value of ['x', 1, true] as const) {
      const [one, set] = [new OneValue(value), new Set([value])];
      assert.deepEqual([[...one], [...one.keys()], [...one.values()], [...one.entries()], one.size, one.has(value), one.has('y')], [[...set], [...set.keys()], [...set.values()], [...set.entries()], 1, true, false]);
      const seen: unknown[] = [];
      one.forEach((...all) => seen.push(...all));
      assert.deepEqual(seen, [value, value, one]);
    }
  });
});
