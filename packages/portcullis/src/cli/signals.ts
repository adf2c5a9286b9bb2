import { constants } from 'node:os';
import type { Gateway } from '../gateway/gateway.js';
import { plural } from '../plural.js';
import { say } from './exit.js';

const STOP = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const;

/**
 * Takes SIGUSR1 from Node, which would open its debugger on a port of localhost: every local user could then run code in
 * a gateway that decides who comes in. SIGUSR2 has no meaning either, and must not end it. To be called first of all.
 */
export function ignoreUserSignals(): void {
  for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) process.on(signal, () => undefined);
}

/**
 * Waits for the end of a gateway that may still be starting: SIGHUP reads policies again, SIGTERM or SIGINT drains, a
 * second one, or SIGQUIT, ends at once. Resolves with the exit code of a forced end, or undefined; rejects when the
 * start failed.
 */
export function untilStopped(started: Promise<Gateway>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    let stopping = false;
    let gateway: Gateway | undefined;
    started.then((made) => { gateway = made; }, reject);
    process.on('SIGHUP', () => void started.then((made) => made.reload('SIGHUP'), () => undefined));
    for (const signal of STOP) {
      process.on(signal, () => {
        const forced = 128 + constants.signals[signal];
        if (stopping) {
          say(`portcullis: ${signal} again: ending ${plural(gateway?.live ?? 0, 'connection')}`);
          gateway?.destroy();
          resolve(forced);
          return;
        }
        stopping = true;
        if (signal === 'SIGQUIT') started.then((made) => made.close(0)).then(() => { resolve(forced); }, reject);
        else started.then((made) => made.close()).then(() => { resolve(undefined); }, reject);
      });
    }
  });
}
