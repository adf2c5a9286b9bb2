import { parentPort, workerData } from 'node:worker_threads';
import { scanHoldersRacy, type Scan } from './holder-scan.js';

/** Asks who holds these sockets. One at a time. */
export interface ScanRequest {
  readonly inodes: readonly number[];
}

export type ScanAnswer = Scan | { readonly error: string };

const loaded = workerData as Int32Array;
Atomics.store(loaded, 0, 1);
Atomics.notify(loaded, 0);

parentPort?.on('message', ({ inodes }: ScanRequest) => {
  let answer: ScanAnswer;
  try {
    answer = scanHoldersRacy(inodes);
  } catch (error) {
    answer = { error: error instanceof Error ? error.message : String(error) };
  }
  parentPort?.postMessage(answer);
});
