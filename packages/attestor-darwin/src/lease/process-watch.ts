import { PortcullisError, type Fd, type Pid } from '@portcullis/core';
import { NOTE_EXIT } from '../ffi/constants.js';
import { SysFailure } from '../ffi/errno.js';
import { addProcess, deleteProcess, openQueue, takeEvents } from '../ffi/kevent.js';
import { systemLibc, type Libc } from '../ffi/libc.js';

/** What became of a watched process: it exited, or it runs another program under the same pid. */
export type ProcessEnd = 'exited' | 'exec';

export type OnEnd = (end: ProcessEnd) => void;

export interface WatchOptions {
  /** How often the queue is looked at while anything is watched. Default 100 ms. */
  readonly intervalMs?: number;
  /** For tests alone: a stand-in for libSystem. */
  readonly libc?: Libc;
}

/**
 * Tells when processes end or run another program: kqueue with EVFILT_PROC, NOTE_EXIT and NOTE_EXEC. The kernel keeps
 * what happened, so nothing is missed between two looks; Node cannot wait for a descriptor of this kind, so a timer looks,
 * with one system call for all processes, and only while one is watched.
 *
 * A pid is no pin: watch first, then verify the peer. Whoever took the pid over before the watch fails there; whoever
 * takes it over later does so after an event.
 */
export class ProcessWatch {
  readonly #libc: Libc;
  readonly #intervalMs: number;
  readonly #watched = new Map<number, Set<OnEnd>>();
  /** Those that were gone when they were to be watched: told with the next look. */
  readonly #gone = new Set<number>();
  #queue: Fd | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: WatchOptions = {}) {
    this.#libc = options.libc ?? systemLibc();
    this.#intervalMs = options.intervalMs ?? 100;
  }

  /**
   * Calls `onEnd` once, and never from within this call. A process that is gone already has exited.
   * @throws PortcullisError `PLATFORM_PROBE` when the kernel does not watch it: then nobody may rely on it (I2).
   */
  watch(pid: Pid, onEnd: OnEnd): void {
    const watchers = this.#watched.get(pid);
    if (watchers !== undefined) {
      watchers.add(onEnd);
      return;
    }
    this.#add(pid);
    this.#watched.set(pid, new Set([onEnd]));
    this.#timer ??= setInterval(() => { this.look(); }, this.#intervalMs).unref();
  }

  /** `onEnd` is not called any more. Idempotent. */
  unwatch(pid: Pid, onEnd: OnEnd): void {
    const watchers = this.#watched.get(pid);
    if (watchers?.delete(onEnd) !== true || watchers.size > 0) return;
    this.#forget(pid);
    // ENOENT where it fired meanwhile: the event that waits will find nobody
    if (this.#queue !== undefined) deleteProcess(this.#libc, this.#queue, pid);
  }

  /** Looks at the queue now, and tells whom it concerns. */
  look(): void {
    for (const pid of [...this.#gone]) this.#tell(pid, 'exited');
    const events = this.#queue === undefined ? [] : takeEvents(this.#libc, this.#queue);
    // a queue that cannot be read keeps nobody's lease (I2)
    if (events instanceof SysFailure) for (const pid of [...this.#watched.keys()]) this.#tell(pid, 'exited');
    else for (const { ident, filterFlags } of events) this.#tell(ident, (filterFlags & NOTE_EXIT) === 0 ? 'exec' : 'exited');
  }

  /** Nobody is told anything any more. Idempotent. */
  close(): void {
    for (const pid of [...this.#watched.keys()]) this.#forget(pid);
    if (this.#queue !== undefined) this.#libc.close(this.#queue);
    this.#queue = undefined;
  }

  #add(pid: Pid): void {
    const queue = (this.#queue ??= this.#open());
    const failed = addProcess(this.#libc, queue, pid);
    if (failed?.is('ESRCH') === true) this.#gone.add(pid);
    else if (failed !== undefined) throw new PortcullisError('PLATFORM_PROBE', `cannot watch process ${String(pid)}: ${failed.toString()}`);
  }

  #open(): Fd {
    const queue = openQueue(this.#libc);
    if (queue instanceof SysFailure) throw new PortcullisError('PLATFORM_PROBE', `cannot watch processes: ${queue.toString()}`);
    return queue;
  }

  #tell(pid: number, end: ProcessEnd): void {
    const watchers = this.#watched.get(pid);
    this.#forget(pid); // first: who is told may watch the pid anew
    for (const onEnd of watchers ?? []) onEnd(end);
  }

  #forget(pid: number): void {
    this.#watched.delete(pid);
    this.#gone.delete(pid);
    if (this.#watched.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
