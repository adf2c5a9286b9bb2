import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { Turns } from '../../dist/messages/turns.js';

const MOST = 4;

describe('turns', () => {
  it('T20: come to everybody, however many others always have more', async () => {
    const turns = new Turns(MOST);
    const taken = Array.from({ length: 3 * MOST }, () => 0);
    let go = true;
    taken.forEach((_, n) => { turns.add({ takeOne: () => { taken[n] = (taken[n] ?? 0) + 1; return go; } }); });
    for (let loops = 0; loops < 30; loops += 1) await turnOfTheLoop();
    go = false;
    assert.ok(Math.max(...taken) - Math.min(...taken) <= 1, taken.join(' '));
  });

  it('come to everybody where a consumer throws, to the one that threw too; the process hears of it', async () => {
    const turns = new Turns(MOST);
    const taken: string[] = [];
    const takes = (name: string, times: number): void => {
      let left = times;
      turns.add({ takeOne: () => { taken.push(name); return (left -= 1) > 0; } });
    };
    const error = new Error('the application failed');
    takes('before', 2);
    let threw = false;
    turns.add({ takeOne: () => {
      taken.push('throws');
      if (threw) return false;
      threw = true;
      throw error;
    } });
    takes('after', 2);
    const heard = uncaught();
    assert.equal(await heard, error);
    while (taken.length < 6) await turnOfTheLoop();
    assert.deepEqual(taken.slice(0, 3), ['before', 'throws', 'after']);
    assert.deepEqual(taken.slice(3).sort(), ['after', 'before', 'throws']);
  });

  it('T20: come to nobody while paused, and go on where they were', async () => {
    const turns = new Turns(MOST);
    const taken: number[] = [];
    for (const n of [0, 1, 2]) turns.add({ takeOne: () => {
      taken.push(n);
      if (n === 1 && taken.length === 2) turns.pause();
      return false;
    } });
    for (let loops = 0; loops < 3; loops += 1) await turnOfTheLoop();
    assert.deepEqual(taken, [0, 1]);
    turns.resume();
    await turnOfTheLoop();
    assert.deepEqual(taken, [0, 1, 2]);
  });
});

/** The next error that nobody caught, in the place of the test runner, which would take it for the test's. */
async function uncaught(): Promise<unknown> {
  const others = process.rawListeners('uncaughtException') as ((error: Error) => void)[];
  process.removeAllListeners('uncaughtException');
  try {
    const [error] = await once(process, 'uncaughtException') as [unknown];
    return error;
  } finally {
    for (const other of others) process.on('uncaughtException', other);
  }
}
