/**
 * Many connections of one process: `crowd.js PATH`. Commands come by IPC, each is answered with what was seen:
 * `{ open: 10 }` opens so many and answers once each was welcomed or ended; `{ close: 5 }` ends so many that are open.
 */
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

export const CROWD = fileURLToPath(import.meta.url);

export interface Crowd {
  /** Connections that got a byte of the application, and still stand. */
  readonly welcomed: number;
  /** Connections that ended without one, ever. */
  readonly ended: number;
}

if (process.argv[1] === CROWD) {
  const path = process.argv[2] ?? '';
  const open = new Set<Socket>();
  let ended = 0;

  const one = (): Promise<void> => new Promise((resolve) => {
    const socket = connect(path);
    let welcomed = false;
    let full = false;
    socket.on('data', () => {
      welcomed = true;
      open.add(socket);
      resolve();
    });
    // A full backlog answers EAGAIN: that connection never was.
    socket.on('error', (error: NodeJS.ErrnoException) => { full = error.code === 'EAGAIN'; });
    socket.on('close', () => {
      open.delete(socket);
      if (full) setTimeout(() => { void one().then(resolve); }, 5);
      else {
        if (!welcomed) ended += 1;
        resolve();
      }
    });
  });

  process.on('message', (command: { open?: number; close?: number }) => {
    void (async () => {
      await Promise.all(Array.from({ length: command.open ?? 0 }, one));
      const closing = [...open].slice(0, command.close ?? 0);
      await Promise.all(closing.map((socket) => new Promise((resolve) => socket.once('close', resolve).destroy())));
      process.send?.({ welcomed: open.size, ended } satisfies Crowd);
    })();
  });
  process.send?.({ welcomed: 0, ended: 0 } satisfies Crowd);
}
