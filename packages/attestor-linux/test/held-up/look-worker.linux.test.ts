import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { ABANDONED, IDLE, MOST_PATHS } from '../../dist/held-up/look-memory.js';
import { LookWorker, type Bounds, type Came } from '../../dist/held-up/look-worker.js';
import type { PathToOpen } from '../../dist/held-up/looks.js';
import { needStarving, starve } from '../support/starve.js';

/** Wakes whoever waits for `state`, again and again, then opens a FIFO to write. */
const WAKING = `
const { openSync } = require('node:fs');
const { workerData: { shared, fifo } } = require('node:worker_threads');
const state = new Int32Array(shared, 0, 1);
for (let count = 0; count < 50; count += 1) { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2); Atomics.notify(state, 0); }
openSync(fifo, 'w');
`;

/** Opens FIFOs to write, each once somebody waits for that. */
const LETTING_GO = `
const { constants: { O_WRONLY, O_NONBLOCK }, openSync } = require('node:fs');
process.stdout.write('ready');
for (const path of process.argv.slice(1)) {
  for (let open = false; !open;) {
    try { openSync(path, O_WRONLY | O_NONBLOCK); open = true; } catch { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1); }
  }
}
`;

const PATIENT: Bounds = { mostMs: 60_000, runnableMs: 60_000, startMs: 60_000 };

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
      assert.equal(worker.ask({ read: path }, PATIENT), 'answered');
      assert.ok((worker.memory.results[0] ?? -1) > 0);
    }
    worker.close();
    await ended;
  });

  it('I4: says nothing where it did not start in time: what nobody wrote is not an answer', async () => {
    assert.equal(worker.ask({ read: '/proc/self/stat' }, { ...PATIENT, startMs: 0 }), 'not-started');
    assert.equal(worker.memory.state[0], ABANDONED);
    await ended;
  });

  it('is waited for on, however often its asker is woken by something else', async () => {
    const path = fifo();
    assert.equal(worker.ask({ read: '/proc/self/stat' }, PATIENT), 'answered');
    const waking = new Worker(WAKING, { eval: true, workerData: { shared: worker.memory.shared, fifo: path } });
    assert.equal(worker.ask({ open: [{ path, flags: 0 }] }, PATIENT), 'answered');
    assert.equal(worker.memory.state[0], IDLE);
    closeSync(worker.memory.results[0] ?? -1);
    worker.close();
    await Promise.all([ended, new Promise((resolve) => waking.once('exit', resolve))]);
  });

  it('is abandoned where it is held up, and ends once it is let go', async () => {
    const path = fifo();
    assert.equal(worker.ask({ open: [{ path, flags: 0 }] }, { ...PATIENT, mostMs: 10 }), 'held-up');
    assert.equal(worker.memory.state[0], ABANDONED);
    spawnSync('/bin/sh', ['-c', ': > "$1"', 'sh', path]);
    await ended;
  });

  describe('on a host that has no processor time for it', () => {
    let feed: () => void;
    beforeEach(async function () {
      needStarving(this);
      assert.equal(worker.ask({ read: '/proc/self/stat' }, PATIENT), 'answered');
      feed = await starve([worker.memory.threadId ?? 0], 2);
    });
    afterEach(() => { feed(); });

    it('T20: is waited for on, since nobody holds it up', async () => {
      for (let lateMs = 0; lateMs < 40;) {
        const before = performance.now();
        assert.equal(worker.ask({ read: '/proc/self/stat' }, { ...PATIENT, mostMs: 20 }), 'answered');
        lateMs = performance.now() - before;
      }
      worker.close();
      feed();
      await ended;
    });

    it('T20: is given up in the end, and said to be starved and not held up', async () => {
      let came: Came = 'answered';
      while (came === 'answered') came = worker.ask({ read: '/proc/self/stat' }, { ...PATIENT, mostMs: 20, runnableMs: 20 });
      assert.equal(came, 'starved');
      assert.equal(worker.memory.state[0], ABANDONED);
      feed();
      await ended;
    });

    it('T20: is held up all the same where a process lets nobody look', async () => {
      const path = fifo();
      assert.equal(worker.ask({ open: [{ path, flags: 0 }] }, { ...PATIENT, mostMs: 1000 }), 'held-up');
      feed();
      spawnSync('/bin/sh', ['-c', ': > "$1"', 'sh', path]);
      await ended;
    });

    it('T20: is held up all the same where a process lets it go on now and then', async () => {
      const names = Array.from({ length: MOST_PATHS }, (_, at) => join(folder, `fifo${String(at)}`));
      assert.equal(spawnSync('/usr/bin/mkfifo', names).status, 0);
      const letting = spawn(process.execPath, ['-e', LETTING_GO, ...names], { stdio: ['ignore', 'pipe', 'ignore'] });
      await once(letting.stdout, 'data');
      try {
        assert.equal(worker.ask({ open: names.map((path) => ({ path, flags: 0 })) }, { ...PATIENT, mostMs: 20, runnableMs: 1000 }), 'held-up');
      } finally {
        feed();
        worker.close();
        await ended;
        letting.kill('SIGKILL');
      }
    });
  });

  it('T20: is held up where a process keeps it busy, and not starved: it had its processor', async () => {
    // Each of these paths takes the kernel tens of thousands of steps, and sleeps at none of them.
    const file = join(folder, 'end');
    writeFileSync(file, '');
    for (let link = 0; link < 39; link += 1) symlinkSync(`${'./'.repeat(2000)}${link === 0 ? 'end' : `link${String(link - 1)}`}`, join(folder, `link${String(link)}`));
    const open = Array<PathToOpen>(MOST_PATHS).fill({ path: join(folder, 'link38'), flags: 0 });
    assert.equal(worker.ask({ read: '/proc/self/stat' }, PATIENT), 'answered');
    assert.equal(worker.ask({ open }, { ...PATIENT, mostMs: 10, runnableMs: 90 }), 'held-up');
    await ended;
  });
});
