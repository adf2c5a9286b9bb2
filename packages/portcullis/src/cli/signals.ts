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

/** A gateway that starts, and then runs until it is told to stop. */
export interface Run {
  /** Rejects when the start failed. */
  readonly started: Promise<Gateway>;
  /** Resolves with the exit code of a forced end, or undefined; rejects when the start failed. */
  readonly stopped: Promise<number | undefined>;
}

/**
 * SIGHUP reads policies again, SIGTERM or SIGINT drains, a second one, or SIGQUIT, ends at once. Before there is a socket
 * they end the process, as they would any other: a large policy takes long to read, and nobody's turn comes meanwhile.
 * @param start begins to start, and calls `prepared` before it makes the first socket
 */
export function runUntilStopped(start: (prepared: () => void) => Promise<Gateway>): Run {
  const { promise, resolve, reject } = deferred<number | undefined>();
  let listening = false;
  let stopping = false;
  let gateway: Gateway | undefined;
  const stop = (signal: typeof STOP[number]): void => {
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
  };
  const prepared = (): void => {
    if (!listening) for (const signal of STOP) process.on(signal, stop);
    listening = true;
  };
  process.on('SIGHUP', () => void started.then((made) => made.reload('SIGHUP'), () => undefined));
  // The kernel ends no first process of a container by a signal that it does not handle.
  if (process.pid === 1) prepared();
  const started = start(prepared);
  started.then((made) => { gateway = made; }, reject);
  return { started, stopped: promise };
}

function deferred<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void; readonly reject: (reason: unknown) => void } {
  let resolve: (value: T) => void = () => undefined;
  let reject: (reason: unknown) => void = () => undefined;
  const promise = new Promise<T>((yes, no) => { [resolve, reject] = [yes, no]; });
  return { promise, resolve, reject };
}
