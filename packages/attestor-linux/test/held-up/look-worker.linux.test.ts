import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { ABANDONED, IDLE } from '../../dist/held-up/look-memory.js';
import { LookWorker } from '../../dist/held-up/look-worker.js';

/** Wakes whoever waits for `state`, again and again, then opens a FIFO to write. */
const WAKING = `
const { openSync } = require('node:fs');
const { workerData: { shared, fifo } } = require('node:worker_threads');
const state = new Int32Array(shared, 0, 1);
for (let count = 0; count < 50; count += 1) { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2); Atomics.notify(state, 0); }
openSync(fifo, 'w');
`;

describe('a thread that looks', () => {
  let folder: string;
  let worker: LookWorker;
  let ended: Promise<void>;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'portcullis-looks-'));
    ended = new Promise((resolve) => { worker = new LookWorker(resolve); });
  });
  afterEach(() => {
    const path = join(folder, 'fifo');
    if (existsSync(path)) closeSync(openSync(path, 'r+')); // whoever still waits for it is let go
    rmSync(folder, { recursive: true });
  });

  function fifo(): string {
    const path = join(folder, 'fifo');
    assert.equal(spawnSync('/usr/bin/mkfifo', [path]).status, 0);
    return path;
  }

  it('answers, and is asked again', async () => {
    for (const path of ['/proc/self/stat', '/proc/self/status']) {
      assert.equal(worker.ask({ read: path }, 60_000, 60_000), 'answered');
      assert.ok((worker.memory.results[0] ?? -1) > 0);
    }
    worker.close();
    await ended;
  });

  it('I4: says nothing where it did not start in time: what nobody wrote is not an answer', async () => {
    assert.equal(worker.ask({ read: '/proc/self/stat' }, 60_000, 0), 'not-started');
    assert.equal(worker.memory.state[0], ABANDONED);
    await ended;
  });

  it('is waited for on, however often its asker is woken by something else', async () => {
    const path = fifo();
    assert.equal(worker.ask({ read: '/proc/self/stat' }, 60_000, 60_000), 'answered');
    const waking = new Worker(WAKING, { eval: true, workerData: { shared: worker.memory.shared, fifo: path } });
    assert.equal(worker.ask({ open: [{ path, flags: 0 }] }, 60_000), 'answered');
    assert.equal(worker.memory.state[0], IDLE);
    closeSync(worker.memory.results[0] ?? -1);
    worker.close();
    await Promise.all([ended, new Promise((resolve) => waking.once('exit', resolve))]);
  });

  it('is abandoned where it is held up, and ends once it is let go', async () => {
    const path = fifo();
    assert.equal(worker.ask({ open: [{ path, flags: 0 }] }, 10, 60_000), 'held-up');
    assert.equal(worker.memory.state[0], ABANDONED);
    spawnSync('/bin/sh', ['-c', ': > "$1"', 'sh', path]);
    await ended;
  });
});
