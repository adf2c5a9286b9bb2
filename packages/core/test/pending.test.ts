import assert from 'node:assert/strict';
import type { Uid } from '../dist/index.js';
import { PendingAdmissions } from '../dist/pending.js';

const [ANN, BEN] = [1 as Uid, 2 as Uid];

describe('pending admissions', () => {
  it('are capped for each uid, and others are served', () => {
    const pending = new PendingAdmissions(10, 2);
    assert.deepEqual([pending.enter(ANN), pending.enter(ANN), pending.enter(ANN), pending.enter(BEN)], [undefined, undefined, 'pending-limit-uid', undefined]);
    pending.leave(ANN);
    assert.equal(pending.enter(ANN), undefined);
    assert.equal(pending.count, 3);
  });

  it('are capped for all ids of one user together', () => {
    const pending = new PendingAdmissions(10, 2, (uid) => (uid > BEN ? ANN : uid));
    assert.deepEqual([100, 200, 300, ANN, BEN].map((uid) => pending.enter(uid as Uid)), [undefined, undefined, 'pending-limit-uid', 'pending-limit-uid', undefined]);
    pending.leave(100 as Uid);
    assert.equal(pending.enter(400 as Uid), undefined);
  });

  it('are capped in all', () => {
    const pending = new PendingAdmissions(1, 5);
    assert.deepEqual([pending.enter(ANN), pending.enter(BEN)], [undefined, 'pending-limit']);
    pending.leave(ANN);
    assert.deepEqual([pending.enter(BEN), pending.count], [undefined, 1]);
  });
});
