import assert from 'node:assert/strict';
import { DescriptorBudget } from '../dist/index.js';

describe('descriptor budget', () => {
  it('leaves a reserve, and counts more than one descriptor a connection', () => {
    assert.equal(new DescriptorBudget({ limit: 1024, used: 24 }, 3).capacity, Math.floor((1024 - 24 - 64) / 3));
  });

  it('gives places until there are none, and again what was given back', () => {
    const budget = new DescriptorBudget({ limit: 66, used: 0 }, 1);
    assert.deepEqual([budget.take(), budget.take(), budget.take(), budget.taken], [true, true, false, 2]);
    budget.give();
    assert.deepEqual([budget.take(), budget.take(), budget.taken], [true, false, 2]);
  });

  it('counts what peers hold beside, as it is at the moment', () => {
    let held = 0;
    const budget = new DescriptorBudget({ limit: 64 + 4, used: 0 }, 1, () => held);
    assert.deepEqual([budget.take(), budget.take()], [true, true]);
    held = 2; // two processes, a pidfd each
    assert.equal(budget.take(), false);
    held = 1; // they are one
    assert.deepEqual([budget.take(), budget.take(), budget.taken], [true, false, 3]);
  });

  it('has no place where the limit is nearly reached already', () => {
    const budget = new DescriptorBudget({ limit: 64, used: 63 }, 1);
    assert.deepEqual([budget.capacity, budget.take()], [0, false]);
  });
});
