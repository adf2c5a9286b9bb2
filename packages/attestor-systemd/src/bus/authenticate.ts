import type { Duplex } from 'node:stream';
import { BusFailure } from './failure.js';

/** `OK`, and 32 digits of the bus. */
const MOST_BYTES = 1024;

/**
 * Says who we are (SASL EXTERNAL: the kernel tells the bus, and our word must be the same), without passing of descriptors.
 * What came behind the answer is returned: nothing does of a well-behaved bus.
 */
export function authenticate(socket: Duplex, uid: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let seen = Buffer.alloc(0);
    const done = (failure?: BusFailure): void => {
      socket.off('data', onData).off('error', onEnd).off('close', onEnd);
      if (failure === undefined) resolve(seen);
      else reject(failure);
    };
    const onEnd = (): void => { done(new BusFailure('the bus ended the connection')); };
    const onData = (some: Buffer): void => {
      seen = Buffer.concat([seen, some]);
      const end = seen.indexOf('\r\n');
      if (end < 0) {
        if (seen.length > MOST_BYTES) done(new BusFailure('the bus answers without an end'));
        return;
      }
      const line = seen.subarray(0, end).toString('latin1');
      seen = seen.subarray(end + 2);
      if (!/^OK [0-9a-f]{32}$/.test(line)) {
        done(new BusFailure('the bus does not take our user id'));
        return;
      }
      socket.pause();
      socket.write('BEGIN\r\n');
      done();
    };
    socket.on('data', onData).on('error', onEnd).on('close', onEnd);
    socket.write(`\0AUTH EXTERNAL ${Buffer.from(String(uid)).toString('hex')}\r\n`);
  });
}
