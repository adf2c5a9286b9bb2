import type { Fd } from '@portcullis/core';
import { POLLHUP } from './constants.js';
import { EINTR } from './errno.js';
import { libc } from './libc.js';

const pollfd = new Int32Array(2);

/** `poll({ fd, events }, 1, 0)`: what is ready at this moment, by its bits; all of them where the poll failed. */
export function pollNow(fd: Fd, events: number): number {
  pollfd[0] = fd;
  for (;;) {
    pollfd[1] = events; // events in the low half, revents (the high half) cleared
    const ready = libc().poll(pollfd, 1, 0);
    if (ready >= 0) return ready === 0 ? 0 : pollfd[1] >>> 16;
    // A pending signal of ours interrupts even a poll that does not wait; it says nothing of the peer.
    if (libc().errno() !== EINTR) return 0xffff;
  }
}

/** `poll(fd, 0, 0)`: whether a connected socket's other end is closed, or nobody holds it. A failed poll counts as that. */
export function hasHungUp(fd: Fd): boolean {
  return (pollNow(fd, 0) & POLLHUP) !== 0;
}
