import { Worker } from 'node:worker_threads';
import { ABANDONED, ASKED, IDLE, LookMemory, STARTING, type LookRequest } from './look-memory.js';

/** How long a thread may take to come up: an emulated processor on a busy machine needed six seconds. Where none can be had, it throws at once. */
const START_MS = 15_000;

/** A thread that looks at what may hold it up, and that its asker waits for within bounds. */
export class LookWorker {
  readonly memory = new LookMemory();

  /** `onEnd` is called once, when the thread has ended: of an abandoned one, after what held it up let go. */
  constructor(onEnd: () => void) {
    const worker = new Worker(new URL('./look-thread.js', import.meta.url), { name: 'portcullis looks', workerData: this.memory.shared, execArgv: [] });
    worker.unref();
    worker.on('error', () => undefined); // it ends, too
    worker.once('exit', onEnd);
  }

  /**
   * Blocks this thread for `mostMs` at most, and for `startMs` where it asks for the first time. A thread that did not answer by then
   * is abandoned: it closes what it opens, and ends when it can.
   */
  ask(request: LookRequest, mostMs: number, startMs = START_MS): 'answered' | 'held-up' | 'not-started' {
    const { state } = this.memory;
    if (!this.#leaves(STARTING, startMs)) return 'not-started';
    this.memory.request = request;
    Atomics.store(state, 0, ASKED);
    Atomics.notify(state, 0);
    if (!this.#leaves(ASKED, mostMs)) return 'held-up';
    Atomics.store(state, 0, IDLE);
    return 'answered';
  }

  /** Waits until the state is another, or abandons the thread. It may be woken by what was meant for an earlier wait. */
  #leaves(from: number, mostMs: number): boolean {
    const until = performance.now() + mostMs;
    while (Atomics.load(this.memory.state, 0) === from) {
      const leftMs = until - performance.now();
      if (leftMs <= 0) return !this.#abandon(from);
      Atomics.wait(this.memory.state, 0, from, leftMs);
    }
    return true;
  }

  /** Ends a thread that is idle. */
  close(): void {
    this.#abandon(IDLE);
  }

  /** Whether the state was `from` until now. */
  #abandon(from: number): boolean {
    const { state } = this.memory;
    const was = Atomics.compareExchange(state, 0, from, ABANDONED);
    Atomics.notify(state, 0);
    return was === from;
  }
}
