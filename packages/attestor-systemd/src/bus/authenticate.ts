import type { Duplex } from 'node:stream';
import { BusFailure } from './failure.js';

/** `OK` and 32 digits of the bus, then a word. */
const MOST_BYTES = 1024;

/** What the bus said. Behind it nothing comes of a well-behaved bus, until it is called. */
export interface Authenticated {
  readonly rest: Buffer;
  /** Whether descriptors may be sent beside messages. Those that come are never looked at: the kernel closes them. */
  readonly passesDescriptors: boolean;
}

/** Says who we are: the kernel tells the bus, and our word must be the same (SASL EXTERNAL). Then asks for descriptors. */
export async function authenticate(socket: Duplex, uid: number): Promise<Authenticated> {
  const ok = await lineAfter(socket, Buffer.alloc(0), `\0AUTH EXTERNAL ${Buffer.from(String(uid)).toString('hex')}\r\n`);
  if (!/^OK [0-9a-f]{32}$/.test(ok.line)) throw new BusFailure('the bus does not take our user id');
  const agreed = await lineAfter(socket, ok.rest, 'NEGOTIATE_UNIX_FD\r\n');
  socket.write('BEGIN\r\n');
  return { rest: agreed.rest, passesDescriptors: agreed.line === 'AGREE_UNIX_FD' };
}

/** Writes, and gives the next line, with what came behind it. The stream is paused then. */
function lineAfter(socket: Duplex, before: Buffer, written: string): Promise<{ readonly line: string; readonly rest: Buffer }> {
  return new Promise((resolve, reject) => {
    let seen = before;
    const done = (failure?: BusFailure): void => {
      socket.off('data', onData).off('error', onEnd).off('close', onEnd);
      socket.pause();
      const end = seen.indexOf('\r\n');
      if (failure !== undefined) reject(failure);
      else resolve({ line: seen.subarray(0, end).toString('latin1'), rest: seen.subarray(end + 2) });
    };
    const onEnd = (): void => { done(new BusFailure('the bus ended the connection')); };
    const onData = (some: Buffer): void => {
      seen = Buffer.concat([seen, some]);
      if (seen.includes('\r\n')) done();
      else if (seen.length > MOST_BYTES) done(new BusFailure('the bus answers without an end'));
    };
    socket.on('data', onData).on('error', onEnd).on('close', onEnd);
    socket.resume();
    socket.write(written);
  });
}
