import assert from 'node:assert/strict';
import { drainOnSignals } from '../dist/index.js';
import { Gated, until } from './support/gated.js';

describe('signals', () => {
  let gated: Gated;
  afterEach(() => gated.end());

  it('let live connections end after the first, and end them after the second', async () => {
    gated = await Gated.start();
    const client = gated.client();
    const { socket } = client;
    await client.welcomed(); // one that has only arrived is refused
    let closed = false;
    drainOnSignals(gated.gate, { done: () => { closed = true; } });
    process.emit('SIGTERM');
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([closed, socket.destroyed, gated.gate.load.live], [false, false, 1]);
    process.emit('SIGINT');
    await until(() => closed);
    assert.equal(gated.gate.load.live, 0);
  });

  it('are left alone again once the gate is closed, or when asked', async () => {
    gated = await Gated.start();
    const before = process.listenerCount('SIGTERM');
    const remove = drainOnSignals(gated.gate);
    assert.equal(process.listenerCount('SIGTERM'), before + 1);
    remove();
    assert.equal(process.listenerCount('SIGTERM'), before);
    let closed = false;
    drainOnSignals(gated.gate, { done: () => { closed = true; } });
    process.emit('SIGTERM');
    await until(() => closed);
    assert.equal(process.listenerCount('SIGTERM'), before);
  });
});
