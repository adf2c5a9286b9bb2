import type { Worker } from 'node:worker_threads';

/** More than a thread takes to come up on a host that is busy with other things. */
const MOST_MS = 5_000;

/** A thread says in a number how far it is; from `safe` on it can be ended. */
interface Thread {
  readonly progress: Int32Array;
  readonly safe: number;
  /** Tells it to come to its end. */
  readonly tell: (() => void) | undefined;
}

const threads = new Set<Thread>();
let watched = false;

/**
 * Has the process, when it exits, wait until a thread says that it can be ended: its `progress` is `safe` or more, and it has notified
 * that. `tell` is called before. Node ends its threads at any point, and one that is ended while it is within koffi takes the
 * process with it, by SIGABRT in place of its exit code.
 */
export function endSafely(worker: Worker, progress: Int32Array, safe: number, tell?: () => void): void {
  const thread = { progress, safe, tell };
  threads.add(thread);
  worker.once('exit', () => { threads.delete(thread); });
  if (watched) return;
  watched = true;
  process.once('exit', () => {
    for (const { tell: end } of threads) end?.();
    for (const one of threads) waitFor(one);
  });
}

function waitFor({ progress, safe }: Thread): void {
  const until = performance.now() + MOST_MS;
  for (let now = Atomics.load(progress, 0); now < safe; now = Atomics.load(progress, 0)) {
    const leftMs = until - performance.now();
    if (leftMs <= 0) return;
    Atomics.wait(progress, 0, now, leftMs);
  }
}
