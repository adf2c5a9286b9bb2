import type { Gateway } from '../gateway/gateway.js';
import { say } from './exit.js';

const STOP = ['SIGTERM', 'SIGINT'] as const;
const NUMBERS = { SIGTERM: 15, SIGINT: 2 } as const;

/**
 * Waits for the end of a gateway that may still be starting: SIGHUP reads policies again, SIGTERM or SIGINT drains, a
 * second one ends at once. Resolves with the exit code of a forced end, or undefined; rejects when the start failed.
 */
export function untilStopped(started: Promise<Gateway>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    let stopping = false;
    let gateway: Gateway | undefined;
    started.then((made) => { gateway = made; }, reject);
    process.on('SIGHUP', () => void started.then((made) => made.reload('SIGHUP'), () => undefined));
    for (const signal of STOP) {
      process.on(signal, () => {
        if (stopping) {
          say(`portcullis: ${signal} again: ending ${String(gateway?.live ?? 0)} connections`);
          gateway?.destroy();
          resolve(128 + NUMBERS[signal]);
          return;
        }
        stopping = true;
        started.then((made) => made.close()).then(() => { resolve(undefined); }, reject);
      });
    }
  });
}
