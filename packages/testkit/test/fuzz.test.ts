import assert from 'node:assert/strict';
import { Dice, fuzzFactor, fuzzMs, fuzzSeed } from '@portcullis/testkit';

describe('what fuzzers are told', () => {
  it('is to run as long as ever, unless somebody asks for more', () => {
    assert.deepEqual([fuzzFactor({}), fuzzFactor({ PORTCULLIS_FUZZ: '100' })], [1, 100]);
  });

  it('gives a longer run as much more time, and a shorter one no less', () => {
    assert.deepEqual(['100', '0.1', undefined].map((factor) => fuzzMs(60_000, { PORTCULLIS_FUZZ: factor })), [6_000_000, 60_000, 60_000]);
  });

  it('is refused where it is no number above 0', () => {
    for (const wrong of ['', 'long', '0', '-1', 'Infinity']) assert.throws(() => fuzzFactor({ PORTCULLIS_FUZZ: wrong }));
  });

  it('is a seed that repeats a run', () => {
    assert.equal(fuzzSeed({ PORTCULLIS_SEED: '7' }), 7);
    const throws = (seed: number): readonly number[] => {
      const dice = new Dice(seed);
      return Array.from({ length: 200 }, () => dice.below(6));
    };
    assert.deepEqual(throws(7), throws(7));
    assert.notDeepEqual(throws(7), throws(8));
    assert.deepEqual([...new Set(throws(7))].sort(), [0, 1, 2, 3, 4, 5]);
  });
});
