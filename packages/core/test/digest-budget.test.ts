import assert from 'node:assert/strict';
import { BUDGET_MS, DigestBudget } from '../dist/platform/digest/digest-budget.js';

describe('the budget of bytes of each user (T17)', () => {
  it('is spent by each user apart', () => {
    const budget = new DigestBudget(100);
    assert.deepEqual([budget.take(1, 60, 0), budget.take(1, 60, 0), budget.take(2, 100, 0), budget.take(1, 40, 0)], [true, false, true, true]);
  });

  it('comes back steadily, and is never more than whole', () => {
    const budget = new DigestBudget(100);
    assert.equal(budget.take(1, 100, 0), true);
    assert.deepEqual([budget.take(1, 51, BUDGET_MS / 2), budget.take(1, 50, BUDGET_MS / 2)], [false, true]);
    assert.deepEqual([budget.take(1, 101, 100 * BUDGET_MS), budget.take(1, 100, 100 * BUDGET_MS)], [false, true]);
  });

  it('takes back what was not read', () => {
    const budget = new DigestBudget(100);
    budget.take(1, 100, 0);
    budget.giveBack(1, 70, 0);
    assert.deepEqual([budget.take(1, 71, 0), budget.take(1, 70, 0)], [false, true]);
  });

  it('never takes a file that is larger than the whole of it', () => {
    assert.equal(new DigestBudget(100).take(1, 101, BUDGET_MS), false);
  });

  it('forgets users whose budget is whole, and nobody else', () => {
    const budget = new DigestBudget(100);
    budget.take(0, 100, BUDGET_MS * 2);
    for (let uid = 1; uid < 3000; uid += 1) budget.take(uid, 1, 0);
    assert.equal(budget.take(0, 1, BUDGET_MS * 2), false);
  });
});
