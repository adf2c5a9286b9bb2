import { parentPort, workerData } from 'node:worker_threads';
import type { Fd } from '@portcullis/core';
import { SysFailure } from '../ffi/errno.js';
import { epollWait } from '../ffi/epoll.js';

/** What the thread is given: both descriptors are the starter's. */
export interface ExitThreadData {
  readonly epoll: number;
  /** The id that asks it to end. */
  readonly stopId: number;
}

/** What it says: the ids of processes that exited, or that it cannot wait any more. */
export type ExitNews = readonly number[] | 'failed';

const { epoll, stopId } = workerData as ExitThreadData;
for (;;) {
  const ids = epollWait(epoll as Fd);
  if (ids instanceof SysFailure) {
    parentPort?.postMessage('failed' satisfies ExitNews);
    break;
  }
  if (ids.includes(stopId)) break;
  parentPort?.postMessage(ids satisfies ExitNews);
}
