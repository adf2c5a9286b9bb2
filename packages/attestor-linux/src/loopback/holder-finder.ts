import { setTimeout as passed } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { unknown, type Unknown } from '@portcullis/core';
import { countStuck } from '../held-up/exit.js';
import { endSafely } from '../held-up/before-exit.js';
import { SCAN_LIMITS, type Holder, type Scan } from './holder-scan.js';
import type { ScanAnswer, ScanRequest } from './holder-thread.js';

/** A scan that takes longer is held up by a process that it looks at: the thread may have to start, and then ends by itself. */
const MOST_MS = SCAN_LIMITS.ms + 8000;
/** How long an end waits for the thread, which may be held up. */
const END_MS = 1000;

interface Asked {
  readonly inode: number;
  readonly answer: (found: Holder | 'nobody' | Unknown) => void;
}

/**
 * Finds the processes that hold sockets, on a thread of its own: a scan reads all of `/proc/PID/fd`, which takes milliseconds.
 * One scan serves everybody who asked before it began, so a thousand connections at once cost two. A process in the middle of an
 * exec can hold it up for as long as it likes (T20): then no holder is known, of anybody's socket, until it lets go.
 */
export class HolderFinder {
  #worker: Worker | undefined;
  #waiting: Asked[] = [];
  #scanning: readonly Asked[] | undefined;
  #heldUp = false;
  #patience: NodeJS.Timeout | undefined;

  /** Looks after this call, not before. Never rejects; unknown where it cannot be told, `timeout` once `signal` aborts. */
  find(inode: number, signal?: AbortSignal): Promise<Holder | 'nobody' | Unknown> {
    if (signal?.aborted === true) return Promise.resolve(NOT_WAITED_FOR);
    if (this.#heldUp) return Promise.resolve(HELD_UP);
    return new Promise((resolve) => {
      this.#waiting.push({ inode, answer: resolve });
      signal?.addEventListener('abort', () => { resolve(NOT_WAITED_FOR); }, { once: true });
      this.#scanNext();
    });
  }

  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    clearTimeout(this.#patience);
    if (worker !== undefined) await Promise.race([worker.terminate(), passed(END_MS, undefined, { ref: false })]);
    for (const { answer } of [...(this.#scanning ?? []), ...this.#waiting.splice(0)]) answer(unknown('system-error', 'the search was closed'));
    this.#scanning = undefined;
  }

  #scanNext(): void {
    if (this.#scanning !== undefined || this.#waiting.length === 0) return;
    this.#scanning = this.#waiting.splice(0);
    const inodes = [...new Set(this.#scanning.map(({ inode }) => inode))];
    try {
      const worker = (this.#worker ??= this.#start());
      worker.ref(); // a connection that waits keeps the process
      worker.postMessage({ inodes } satisfies ScanRequest);
      this.#patience = setTimeout(() => { this.#giveUp(worker); }, MOST_MS);
    } catch (error) {
      this.#answer({ error: String(error) });
    }
  }

  /** Tells everybody who waits, and keeps nobody waiting until the thread comes back. */
  #giveUp(worker: Worker): void {
    this.#heldUp = true;
    countStuck(1);
    worker.unref();
    for (const { answer } of [...(this.#scanning ?? []), ...this.#waiting.splice(0)]) answer(HELD_UP);
  }

  #start(): Worker {
    const loaded = new Int32Array(new SharedArrayBuffer(4));
    const worker = new Worker(new URL('./holder-thread.js', import.meta.url), { name: 'portcullis holders', workerData: loaded, execArgv: [] });
    endSafely(worker, loaded, 1);
    worker.unref();
    worker.on('message', (answer: ScanAnswer) => {
      worker.unref();
      this.#answer(answer);
    });
    const died = (why: unknown): void => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      this.#answer({ error: `the thread ended: ${String(why)}` });
    };
    worker.on('error', died);
    worker.on('exit', died);
    return worker;
  }

  #answer(answer: ScanAnswer): void {
    const asked = this.#scanning ?? [];
    this.#scanning = undefined;
    clearTimeout(this.#patience);
    if (this.#heldUp) countStuck(-1);
    this.#heldUp = false;
    const failed = 'error' in answer ? unknown('system-error', `no scan of /proc: ${answer.error}`) : undefined;
    const holders = new Map('holders' in answer ? answer.holders.map((holder) => [holder.inode, holder]) : []);
    for (const { inode, answer: tell } of asked) tell(failed ?? conclude(answer as Scan, holders.get(inode)));
    this.#scanNext();
  }
}

const NOT_WAITED_FOR = Object.freeze(unknown('timeout', 'the search for the holder of the socket was not waited for'));

const HELD_UP = Object.freeze(unknown('timeout', 'a process holds up who searches for the holder of a socket'));

/** I4: one process that cannot be looked at may be another holder, so that neither one nor none is known. */
function conclude({ hidden, stopped }: Scan, holder: Holder | undefined): Holder | 'nobody' | Unknown {
  if (stopped !== undefined) return unknown('limit', `the scan of /proc was not finished: ${stopped}`);
  if (holder !== undefined && holder.processes > 1) return holder;
  if (hidden > 0) return unknown('permission', `${String(hidden)} processes whose descriptors may not be looked at could hold the socket too`);
  return holder ?? 'nobody';
}
