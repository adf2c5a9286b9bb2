import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, writeSync } from 'node:fs';
import type { Fd } from '@portcullis/core';
import { SOCK_STREAM } from '../../dist/ffi/constants.js';
import { libc } from '../../dist/ffi/libc.js';
import { readiness, Readiness, type Watch } from '../../dist/readiness/readiness.js';
import { needLinux } from '../support/features.js';
import { Descriptors } from '../support/messages.js';

const MODULE = new URL('../../dist/readiness/readiness.js', import.meta.url).href;
const BEFORE_EXIT = new URL('../../dist/held-up/before-exit.js', import.meta.url).href;

describe('readiness of descriptors', () => {
  const descriptors = new Descriptors();
  const watches: Watch[] = [];
  before(function () { needLinux(this); });
  afterEach(() => {
    for (const watch of watches.splice(0)) watch.close();
    descriptors.close();
  });

  /** Watches `fd`; `next` resolves with the next event, and `count` says how many there were. */
  function watched(fd: Fd) {
    const waiting: (() => void)[] = [];
    const seen = { count: 0, watch: undefined as unknown as Watch, next: (): Promise<void> => new Promise((resolve) => { waiting.push(resolve); }) };
    const ready = (): void => { seen.count += 1; waiting.shift()?.(); };
    seen.watch = readiness().watch(fd, { ready, failed: (error) => { throw error as Error; } }, { keepsAlive: true });
    watches.push(seen.watch);
    return seen;
  }

  it('is told once, and again after it was armed', async () => {
    const [one, other] = descriptors.pair(SOCK_STREAM);
    const [mark, marker] = descriptors.pair(SOCK_STREAM);
    const seen = watched(one);
    const first = seen.next();
    writeSync(other, 'a');
    await first;
    writeSync(other, 'b');
    // Another descriptor's event, which comes after any that this one could cause.
    const marked = watched(mark);
    const passed = marked.next();
    writeSync(marker, 'x');
    await passed;
    assert.equal(seen.count, 1);
    const again = seen.next();
    seen.watch.arm(); // unread bytes are an event at once
    await again;
    assert.equal(seen.count, 2);
  });

  it('is told of the end of a connection', async () => {
    const [one, other] = descriptors.pair(SOCK_STREAM);
    const seen = watched(one);
    const ended = seen.next();
    descriptors.closeOne(other);
    await ended;
  });

  it('is told of nothing after it was closed, whatever is on its way', async () => {
    const [one, other] = descriptors.pair(SOCK_STREAM);
    const seen = watched(one);
    writeSync(other, 'a');
    // The thread has most likely posted it by now; we have not come to hear it.
    for (const began = performance.now(); performance.now() - began < 20;);
    seen.watch.close();
    seen.watch.arm();
    const [mark, marker] = descriptors.pair(SOCK_STREAM);
    const passed = watched(mark).next();
    writeSync(marker, 'x');
    await passed;
    assert.equal(seen.count, 0);
  });

  it('fails by name where a descriptor cannot be watched', () => {
    assert.throws(() => readiness().watch(1 << 20 as Fd, { ready: () => undefined, failed: () => undefined }, { keepsAlive: false }), { code: 'PLATFORM_SYSTEM' });
  });

  it('fails for every watcher when its thread does', async () => {
    const file = openSync('/dev/null', 'r');
    const functions = libc();
    const saved = { ...functions };
    Object.assign(functions, { epoll_create1: () => file, epoll_ctl: () => 0 });
    const own = new Readiness();
    const [one] = descriptors.pair(SOCK_STREAM);
    const failed = new Promise<unknown>((resolve) => {
      own.watch(one, { ready: () => undefined, failed: resolve }, { keepsAlive: false });
    });
    Object.assign(functions, saved);
    assert.match(String(await failed), /epoll_wait/); // not of a file
    closeSync(file);
  });

  for (const [title, keepsAlive, end] of [
    ['lets the process end where nothing is to keep it', false, ''],
    ['does not hold up a process that exits', true, 'setTimeout(() => process.exit(0), 50);'],
  ] as const) {
    it(title, async () => {
      const program = `import { readiness } from ${JSON.stringify(MODULE)};
        readiness().watch(0, { ready() {}, failed() {} }, { keepsAlive: ${String(keepsAlive)} }); ${end}`;
      const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['pipe', 'inherit', 'inherit'] });
      assert.deepEqual(await once(child, 'exit'), [0, null]);
      child.stdin.destroy();
    });
  }

  it('has a process that exits wait for threads that are within koffi: one that is ended there aborts it', async () => {
    const thread = "const { workerData } = require('node:worker_threads'); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500); require('node:fs').writeSync(1, 'loaded'); Atomics.store(workerData, 0, 1); Atomics.notify(workerData, 0);";
    const program = `import { Worker } from 'node:worker_threads'; import { endSafely } from ${JSON.stringify(BEFORE_EXIT)};
      const workerData = new Int32Array(new SharedArrayBuffer(4));
      endSafely(new Worker(${JSON.stringify(thread)}, { eval: true, workerData, execArgv: [] }), workerData, 1);
      process.exit(3);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => { said += text; });
    assert.deepEqual(await once(child, 'close'), [3, null]);
    assert.equal(said, 'loaded');
  });

  it('keeps a process that waits', async () => {
    const program = `import { readiness } from ${JSON.stringify(MODULE)};
      const watch = readiness().watch(0, { ready() { process.stdout.write('told'); watch.close(); }, failed() {} }, { keepsAlive: true });`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['pipe', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => { said += text; });
    setTimeout(() => { child.stdin.end('x'); }, 300);
    assert.deepEqual(await once(child, 'close'), [0, null]);
    assert.equal(said, 'told');
  });
});
