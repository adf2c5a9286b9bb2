import { Worker } from 'node:worker_threads';
import { endSafely } from './before-exit.js';
import { ABANDONED, ASKED, IDLE, LookMemory, STARTING, type LookRequest } from './look-memory.js';
import { lifeOf, type ThreadLife } from './thread-life.js';

/** How long a thread may take to come up: an emulated processor on a busy machine needed six seconds. Where none can be had, it throws at once. */
const START_MS = 15_000;

/** From here on is counted how long it works. Most looks are over in a hundredth of this. */
const LONG_MS = 20;
/** So often is looked again whether the thread is runnable. */
const STEPS = 16;

/** How long a look is waited for. */
export interface Bounds {
  readonly mostMs: number;
  /** For so long besides, as long as the thread is runnable: nobody holds it up, it has no processor, or works. */
  readonly runnableMs: number;
  /** Where it asks for the first time. */
  readonly startMs?: number;
}

/** `starved`: in time the thread was given no processor, and waited for nothing else. */
export type Came = 'answered' | 'held-up' | 'starved' | 'not-started';

/** A thread that looks at what may hold it up, and that its asker waits for within bounds. */
export class LookWorker {
  readonly memory = new LookMemory();
  /** How long the thread worked, in ms of its processor, at a look that was long: what there was to look at, and not what it waited for. */
  workedMs = 0;

  /** `onEnd` is called once, when the thread has ended: of an abandoned one, after what held it up let go. */
  constructor(onEnd: () => void) {
    const worker = new Worker(new URL('./look-thread.js', import.meta.url), { name: 'portcullis looks', workerData: this.memory.shared, execArgv: [] });
    endSafely(worker, this.memory.state, IDLE);
    worker.unref();
    worker.on('error', () => undefined); // it ends, too
    worker.once('exit', onEnd);
  }

  /** Blocks this thread. A thread that did not answer within the bounds is abandoned: it closes what it opens, and ends when it can. */
  ask(request: LookRequest, { mostMs, runnableMs, startMs = START_MS }: Bounds): Came {
    const { state } = this.memory;
    if (!this.#leaves(STARTING, startMs) && this.#abandon(STARTING)) return 'not-started';
    this.memory.request = request;
    Atomics.store(state, 0, ASKED);
    Atomics.notify(state, 0);
    const came = this.#answers(mostMs, runnableMs);
    if (came === 'answered') Atomics.store(state, 0, IDLE);
    return came;
  }

  #answers(mostMs: number, runnableMs: number): Came {
    this.workedMs = 0;
    if (this.#leaves(ASKED, Math.min(LONG_MS, mostMs))) return 'answered';
    const { threadId } = this.memory;
    const before = lifeOf(threadId);
    const came = this.#leaves(ASKED, mostMs - LONG_MS) ? 'answered' : this.#answersLate(mostMs, runnableMs);
    const now = lifeOf(threadId);
    if (before !== undefined && now !== undefined) this.workedMs = now.processorMs - before.processorMs;
    return came;
  }

  /** Steps are counted, and not only their time: where we ourselves were stopped or starved, the thread has had none either. */
  #answersLate(mostMs: number, runnableMs: number): Came {
    const { threadId } = this.memory;
    const before = lifeOf(threadId);
    let now = before;
    for (let step = 0; step < STEPS && now?.runnable === true; step += 1) {
      if (this.#leaves(ASKED, runnableMs / STEPS)) return 'answered';
      now = lifeOf(threadId);
    }
    if (!this.#abandon(ASKED)) return 'answered'; // just now
    return before !== undefined && now !== undefined && wasStarved(before, now, mostMs) ? 'starved' : 'held-up';
  }

  /** Waits until the state is another; whether it is. It may be woken by what was meant for an earlier wait. */
  #leaves(from: number, mostMs: number): boolean {
    const until = performance.now() + mostMs;
    while (Atomics.load(this.memory.state, 0) === from) {
      const leftMs = until - performance.now();
      if (leftMs <= 0) return false;
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

/** Whoever lets it run now and then, when it is looked at, has it sleep in between; whoever keeps it busy has it use its processor. */
function wasStarved(before: ThreadLife, now: ThreadLife, mostMs: number): boolean {
  return now.runnable && now.sleeps === before.sleeps && now.processorMs - before.processorMs < mostMs;
}
