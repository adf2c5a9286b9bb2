import { Worker } from 'node:worker_threads';
import { ABANDONED, ANSWERED, ASKED, IDLE, LookMemory, STARTING, type LookRequest } from './look-memory.js';

/** How long a thread may take to come up: more than any machine needs, and bounded. */
const START_MS = 5000;

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
   * Whether it answered within `mostMs`; blocks this thread until then. Afterwards it is abandoned if it did not: it closes
   * what it opens, and ends when it can.
   */
  ask(request: LookRequest, mostMs: number): boolean {
    const { state } = this.memory;
    if (Atomics.load(state, 0) === STARTING && Atomics.wait(state, 0, STARTING, START_MS) === 'timed-out') return this.#abandon(STARTING);
    this.memory.request = request;
    Atomics.store(state, 0, ASKED);
    Atomics.notify(state, 0);
    if (Atomics.wait(state, 0, ASKED, mostMs) === 'timed-out' && this.#abandon(ASKED)) return false;
    if (Atomics.load(state, 0) !== ANSWERED) return false;
    Atomics.store(state, 0, IDLE);
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
