import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HeldPeer } from '../dist/index.js';
import { Admission } from '../dist/admission.js';
import { refusal, unattested } from '../dist/engine.js';
import { FreshLeases } from '../dist/fresh-leases.js';
import { Lease } from '../dist/lease.js';
import { stubPolicy } from '../dist/testing/index.js';

/** A fake: it proves the flow only. What a held peer does is tested with real processes in attestor-linux. */
const heldPeer: HeldPeer = { watch: () => undefined, verify: () => undefined, isConnectionHeld: () => true, close: () => undefined };

function newLease(): Lease {
  return new Lease(new Socket(), new Admission(unattested(refusal('closing')), stubPolicy(), { listener: 'x', nowMs: 0 }), heldPeer);
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(1);
}

describe('leases that have not begun', () => {
  it('begin in their order, each once, though new ones come meanwhile', async () => {
    const begun: Lease[] = [];
    const fresh = new FreshLeases((lease) => begun.push(lease));
    const all: Lease[] = [];
    for (let wave = 0; wave < 5; wave += 1) {
      for (let count = 0; count < 700; count += 1) {
        const lease = newLease();
        all.push(lease);
        fresh.add(lease);
      }
      await sleep(wave);
    }
    await until(() => begun.length >= all.length);
    await sleep(20);
    assert.deepEqual(begun, all);
    // It went idle, and wakes up again.
    const last = newLease();
    fresh.add(last);
    await until(() => begun.length > all.length);
    assert.equal(begun.at(-1), last);
  });

  it('never begin once they have ended, nor in the very turn of their admission', async () => {
    const begun: Lease[] = [];
    const fresh = new FreshLeases((lease) => begun.push(lease));
    const [ended, stays] = [newLease(), newLease()];
    fresh.add(ended);
    fresh.add(stays);
    await new Promise((resolve) => { setImmediate(resolve); });
    assert.deepEqual(begun, []);
    ended.end();
    await until(() => begun.length > 0);
    await sleep(20);
    assert.deepEqual(begun, [stays]);
  });
});
