import assert from 'node:assert/strict';
import fc from 'fast-check';
import { IntervalTree } from '../dist/compile/interval-tree.js';
import { PrefixTree } from '../dist/compile/prefix-tree.js';

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
