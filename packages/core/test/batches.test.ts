import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { Batches } from '../dist/batches.js';

/** Lets the event loop turn until nothing is to be given any more. */
async function settled(): Promise<void> {
  for (let turns = 0; turns < 50; turns += 1) await turn();
}

function busyMs(ms: number): void {
  for (const began = performance.now(); performance.now() - began < ms;);
}

describe('arrivals that are taken together', () => {
  it('are given in a later turn, in their order, each once', async () => {
    const given: number[] = [];
    const batches = new Batches<number>((item) => { given.push(item); });
    for (const item of [1, 2, 3]) batches.add(item);
    assert.deepEqual(given, []);
    await settled();
    assert.deepEqual(given, [1, 2, 3]);
    batches.add(4);
    await settled();
    assert.deepEqual(given, [1, 2, 3, 4]);
  });

  it('wait for what comes in the next turn, and for no turn in which nothing comes', async () => {
    const turns: number[] = [];
    let now = 0;
    const batches = new Batches<number>(() => { turns.push(now); }, Infinity);
    batches.add(1);
    for (now = 1; now < 4; now += 1) {
      await turn();
      batches.add(now);
    }
    for (; now < 10; now += 1) await turn();
    assert.equal(turns.length, 4);
    assert.equal(new Set(turns).size, 1, turns.join(' '));
    assert.ok(turns[0] !== undefined && turns[0] >= 3 && turns[0] <= 6, turns.join(' '));
  });

  it('do not wait once they are many, nor once the first has waited long, however much still comes', async () => {
    const given: number[] = [];
    const many = new Batches<number>((item) => { given.push(item); });
    for (let item = 0; item < 40; item += 1) many.add(item);
    assert.equal(given.length, 32);
    await settled();
    assert.deepEqual(given, Array.from({ length: 40 }, (_, item) => item));

    let first = 0;
    const slow = new Batches<number>((item) => { first += item === 0 ? 1 : 0; });
    for (let item = 0; first === 0; item += 1) {
      assert.ok(item < 5);
      slow.add(item);
      busyMs(2);
      await turn();
    }
  });

  it('are given all the same where one of them throws', async () => {
    const given: number[] = [];
    const batches = new Batches<number>((item) => {
      given.push(item);
      if (item === 3) throw new Error('of a listener');
    });
    assert.throws(() => { for (let item = 0; item < 16; item += 1) batches.add(item); }, /of a listener/);
    assert.deepEqual(given, [0, 1, 2, 3]);
    await settled();
    assert.deepEqual(given, Array.from({ length: 16 }, (_, item) => item));
  });

  it('are given all the same where others come meanwhile, and several throw', async () => {
    const given: number[] = [];
    const told: unknown[] = [];
    const batches: Batches<number> = new Batches<number>((item) => {
      given.push(item);
      if (item === 0) for (const other of [100, 101]) batches.add(other);
      if (item === 0 || item === 1) throw new Error(`of ${String(item)}`);
    });
    const others = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException').on('uncaughtException', (error) => { told.push(error.message); });
    try {
      assert.throws(() => { for (let item = 0; item < 16; item += 1) batches.add(item); }, /of 0/);
      await settled();
    } finally {
      process.removeAllListeners('uncaughtException');
      for (const other of others) process.on('uncaughtException', other);
    }
    assert.deepEqual([given, told], [[...Array.from({ length: 16 }, (_, item) => item), 100, 101], ['of 1']]);
  });

  it('may bring others with them', async () => {
    const given: number[] = [];
    const batches: Batches<number> = new Batches<number>((item) => {
      given.push(item);
      if (item < 20) batches.add(item + 100);
    });
    for (let item = 0; item < 20; item += 1) batches.add(item);
    await settled();
    assert.deepEqual([...given].sort((a, b) => a - b), [...Array.from({ length: 20 }, (_, item) => item), ...Array.from({ length: 20 }, (_, item) => item + 100)]);
  });

  it('are lost under no order of what comes, throws, and turns', async () => {
    const step = fc.oneof(fc.nat(20).map((count) => ({ count })), fc.constant({ turn: true }));
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 12 }), fc.integer({ min: 2, max: 9 }), async (steps, every) => {
      let came = 0;
      const given: number[] = [];
      const batches = new Batches<number>((item) => {
        given.push(item);
        if (item % every === 0 && came >= 16) throw new Error('of a listener');
      });
      const survive = (error: unknown): void => { assert.match(String(error), /of a listener/); };
      process.prependListener('uncaughtException', survive);
      const others = process.listeners('uncaughtException').filter((listener) => listener !== survive);
      for (const other of others) process.off('uncaughtException', other);
      try {
        for (const one of steps) {
          if ('turn' in one) await turn();
          else for (let at = 0; at < one.count; at += 1) try { batches.add(came++); } catch (error) { survive(error); }
        }
        await settled();
      } finally {
        process.off('uncaughtException', survive);
        for (const other of others) process.on('uncaughtException', other);
      }
      assert.deepEqual(given, Array.from({ length: came }, (_, item) => item));
    }), { numRuns: 50 });
  });
});
