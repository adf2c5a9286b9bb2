/** A gateway process for race.linux.test.ts: binds and lets go when told, at a moment that is told. */
import { closeSync } from 'node:fs';
import { PortcullisError, type BoundSocket } from '@portcullis/core';
import { linuxListenPort } from '../../dist/listen/listen-port.js';

export type Order =
  | { readonly op: 'bind'; readonly path: string; readonly atMs: number }
  /** `crash` leaves the path behind; `stop` is what a gateway does that ends well. */
  | { readonly op: 'crash' | 'stop'; readonly atMs: number };

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

process.on('message', (order: Order) => process.send?.(obey(order)));
process.send?.({ ready: true });
