import { request, type IncomingMessage } from 'node:http';
import type { AttestorHost } from '@portcullis/core';
import { DaemonFailure } from './failure.js';

/** An inspection has some 10 KiB, and labels and environment of the largest that Linux lets a process have. */
const MOST_BYTES = 1 << 20;
const MOST_HEADER_BYTES = 16 * 1024;

/** The daemon, and how long one look may take in all. */
export interface Daemon {
  readonly host: AttestorHost;
  readonly socket: string;
  readonly uid: number;
}

/**
 * One GET over a connection of its own, whose server was verified before (I1). Whatever it answers is bounded in bytes, and
 * `signal` in time. The connection is gone when this settles. @throws DaemonFailure, and what http and core throw
 */
export async function getJson({ host, socket: path, uid }: Daemon, resource: string, signal: AbortSignal, leftMs: number): Promise<unknown> {
  signal.throwIfAborted();
  const socket = await host.connect(path, uid, Math.max(1, Math.ceil(leftMs)));
  // A failure after the answer was read, or after the abort, is nobody's.
  socket.on('error', () => undefined);
  try {
    signal.throwIfAborted();
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request({ createConnection: () => socket, path: resource, headers: { host: 'localhost', accept: 'application/json' }, maxHeaderSize: MOST_HEADER_BYTES, signal })
        .on('response', resolve).on('error', reject).on('upgrade', () => { reject(new DaemonFailure('undecodable', 'the daemon upgrades the connection')); }).end();
    });
    const body = await bodyOf(response);
    if (response.statusCode === 404) throw new DaemonFailure('service-down', `the daemon knows no ${resource}`);
    if (response.statusCode !== 200) throw new DaemonFailure('service-down', `the daemon answers ${resource} with status ${String(response.statusCode)}`);
    return parse(body, resource);
  } finally {
    socket.destroy();
  }
}

async function bodyOf(response: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > MOST_BYTES) throw new DaemonFailure('limit', `the daemon's answer has more than ${String(MOST_BYTES)} bytes`);
    pieces.push(piece);
  }
  // A response that was cut is no shorter answer.
  if (!response.complete) throw new DaemonFailure('service-down', 'the daemon cut its answer short');
  return Buffer.concat(pieces);
}

function parse(body: Buffer, resource: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body));
  } catch {
    throw new DaemonFailure('undecodable', `the daemon's answer to ${resource} is not JSON in UTF-8`); // without the text, which may have secrets
  }
}
