import type { Gateway } from '../gateway/gateway.js';
import { say } from './exit.js';

const STOP = ['SIGTERM', 'SIGINT'] as const;
const NUMBERS = { SIGTERM: 15, SIGINT: 2 } as const;

/**
 * Waits for the end of a gateway: SIGHUP reads policies again, SIGTERM or SIGINT drains, a second one ends at once.
 * Resolves with the exit code of a forced end, or undefined.
 */
export function untilStopped(gateway: Gateway): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    let stopping = false;
    process.on('SIGHUP', () => void gateway.reload('SIGHUP'));
    for (const signal of STOP) {
      process.on(signal, () => {
        if (stopping) {
          say(`portcullis: ${signal} again: ending ${String(gateway.live)} connections`);
          gateway.destroy();
          resolve(128 + NUMBERS[signal]);
          return;
        }
        stopping = true;
        gateway.close().then(() => { resolve(undefined); }, reject);
      });
    }
  });
}
