import type { Worker } from 'node:worker_threads';

/** More than a thread takes to come up on a host that is busy with other things. */
const MOST_MS = 5_000;

interface Loading {
  readonly flag: Int32Array;
  readonly until: number;
}

const threads = new Set<Loading>();
let watched = false;

/**
 * Has the process, when it exits, wait until a thread has loaded: while `flag` is `until`. One that Node ends while it loads koffi takes
 * the process with it, by SIGABRT in place of its exit code.
 */
export function waitForLoading(worker: Worker, flag: Int32Array, until: number): void {
  const loading = { flag, until };
  threads.add(loading);
  worker.once('exit', () => { threads.delete(loading); });
  if (watched) return;
  watched = true;
  process.once('exit', () => { for (const { flag: one, until: value } of threads) Atomics.wait(one, 0, value, MOST_MS); });
}
