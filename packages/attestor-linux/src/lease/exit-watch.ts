import { Worker } from 'node:worker_threads';
import { PortcullisError, type Fd } from '@portcullis/core';
import { SOCK_CLOEXEC, SOCK_STREAM, AF_UNIX } from '../ffi/constants.js';
import { epollAddOnce, epollCreate } from '../ffi/epoll.js';
import { SysFailure } from '../ffi/errno.js';
import { closeFd } from '../ffi/file.js';
import { libc } from '../ffi/libc.js';
import type { ExitNews, ExitThreadData } from './exit-thread.js';

const STOP = 0;

/**
 * Tells when processes exit: one epoll descriptor for all their pidfds, and one thread that waits on it. Adding a process
 * is one system call here; the thread need not hear of it. Started with the first process, kept until this process ends.
 */
class ExitWatch {
  readonly #waiting = new Map<number, () => void>();
  #epoll: Fd | undefined;
  #lastId = STOP;

  /** Calls `onExit` once, in a later turn, when the process behind `pidfd` has exited. Returns how to forget it. */
  watch(pidfd: Fd, onExit: () => void): () => void {
    const epoll = (this.#epoll ??= this.#start());
    const id = (this.#lastId += 1);
    this.#waiting.set(id, onExit);
    const failed = epollAddOnce(epoll, pidfd, id);
    if (failed !== undefined) {
      this.#waiting.delete(id);
      throw failure(failed.toString());
    }
    return () => { this.#waiting.delete(id); };
  }

  #start(): Fd {
    const epoll = epollCreate();
    if (epoll instanceof SysFailure) throw failure(epoll.toString());
    const ends = new Int32Array(2);
    if (libc().socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) !== 0) {
      closeFd(epoll);
      throw failure(`socketpair: errno ${String(libc().errno())}`);
    }
    const [own, other] = [ends[0] as Fd, ends[1] as Fd];
    epollAddOnce(epoll, other, STOP);
    const workerData: ExitThreadData = { epoll, stopId: STOP };
    const worker = new Worker(new URL('./exit-thread.js', import.meta.url), { name: 'portcullis exits', workerData });
    worker.on('message', (news: ExitNews) => {
      if (news === 'failed') this.#lost();
      else for (const id of news) this.#exited(id);
    });
    worker.on('error', () => { this.#lost(); });
    worker.on('exit', () => { this.#lost(); });
    worker.unref(); // last: to listen for messages keeps the process too
    // Node waits for its threads when it ends, and this one is in a system call: its end of the pair wakes it.
    process.once('exit', () => { closeFd(own); });
    return epoll;
  }

  #exited(id: number): void {
    const onExit = this.#waiting.get(id);
    this.#waiting.delete(id);
    onExit?.();
  }

  /** Nobody hears of exits any more: each counts as one, and whoever looks again finds out which are not (I2). */
  #lost(): void {
    this.#epoll = undefined;
    for (const id of [...this.#waiting.keys()]) this.#exited(id);
  }
}

function failure(why: string): PortcullisError {
  return new PortcullisError('LEASE_WATCH', `the peer's exit cannot be watched: ${why}`);
}

let watch: ExitWatch | undefined;

/** See `ExitWatch.watch`. @throws PortcullisError `LEASE_WATCH` */
export function watchExit(pidfd: Fd, onExit: () => void): () => void {
  return (watch ??= new ExitWatch()).watch(pidfd, onExit);
}
