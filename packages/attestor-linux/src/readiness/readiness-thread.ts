import { parentPort, workerData } from 'node:worker_threads';
import type { Fd } from '@portcullis/core';
import { epollWait } from '../ffi/epoll.js';
import { SysFailure } from '../ffi/errno.js';

export interface ReadinessThreadData {
  readonly epollFd: Fd;
  /** `OVER`, and notified, once the thread asks nothing of the kernel any more. */
  readonly progress: Int32Array;
}

export const OVER = 1;

/** The id of the descriptor that tells the thread to end. */
export const END = 0;

/** A thread that is blocked in the kernel cannot be terminated: should nobody tell it to end, it looks up this often. */
const LOOKS_UP_MS = 1000;

if (parentPort !== null) {
  const { epollFd, progress } = workerData as ReadinessThreadData;
  try {
    for (;;) {
      const ready = epollWait(epollFd, LOOKS_UP_MS);
      if (ready instanceof SysFailure) throw new Error(ready.toString());
      if (ready.includes(END)) break;
      if (ready.length > 0) parentPort.postMessage(ready);
    }
  } finally {
    Atomics.store(progress, 0, OVER);
    Atomics.notify(progress, 0);
  }
}
