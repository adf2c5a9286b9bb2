/** A gateway process for race.linux.test.ts: binds and lets go when told, at a moment that is told. */
import { closeSync, readFileSync, writeFileSync } from 'node:fs';
import { PortcullisError, type BoundSocket } from '@portcullis/core';
import { linuxListenPort } from '../../dist/listen/listen-port.js';
import { NameLock } from '../../dist/listen/name-lock.js';
import { walkToParent } from '../../dist/listen/walk.js';

export type Order =
  | { readonly op: 'bind'; readonly path: string; readonly atMs: number }
  /** `crash` leaves the path behind; `stop` is what a gateway does that ends well. */
  | { readonly op: 'crash' | 'stop'; readonly atMs: number }
  /** Adds one to a number in a file, many times, each time under the lock of the file's name. */
  | { readonly op: 'count'; readonly path: string; readonly times: number; readonly atMs: number };

export interface Answer {
  readonly won: boolean;
  readonly replacedStale: boolean;
  readonly code: string;
}

const port = linuxListenPort();
let bound: BoundSocket | undefined;
/** Sockets of "crashed" gateways: their folders stay held, as nobody released them. */
const abandoned: BoundSocket[] = [];

/** Spins, for a start that is exact to microseconds; performance.timeOrigin makes the clocks of two processes comparable. */
function waitUntil(atMs: number): void {
  while (performance.timeOrigin + performance.now() < atMs);
}

function obey(order: Order): Answer {
  waitUntil(order.atMs);
  if (order.op === 'bind') return bind(order.path);
  if (order.op === 'count') return count(order.path, order.times);
  if (bound !== undefined) {
    closeSync(bound.fd);
    if (order.op === 'stop') bound.release();
    else abandoned.push(bound);
  }
  bound = undefined;
  return { won: false, replacedStale: false, code: '' };
}

function bind(path: string): Answer {
  try {
    bound = port.bind({ path });
    return { won: true, replacedStale: bound.replacedStale, code: '' };
  } catch (error) {
    return { won: false, replacedStale: false, code: error instanceof PortcullisError ? error.code : String(error) };
  }
}

function count(path: string, times: number): Answer {
  const { folder, name } = walkToParent(path, new Set());
  for (let n = 0; n < times; n += 1) {
    const lock = NameLock.take(folder, name, 10_000);
    if (!(lock instanceof NameLock)) return { won: false, replacedStale: false, code: String(lock) };
    writeFileSync(path, String(Number(readFileSync(path, 'utf8')) + 1));
    lock.release();
  }
  folder.close();
  return { won: true, replacedStale: false, code: '' };
}

process.on('message', (order: Order) => process.send?.(obey(order)));
process.send?.({ ready: true });
