import { PortcullisError, type Fd, type Pid } from '@portcullis/core';
import { SysFailure } from '../ffi/errno.js';
import { addProcess, deleteProcess, openQueue, takeEvents } from '../ffi/kevent.js';
import { systemLibc, type Libc } from '../ffi/libc.js';

export type OnExit = () => void;

export interface WatchOptions {
  /** How often the queue is looked at while anything is watched. Default 100 ms. */
  readonly intervalMs?: number;
  /** For tests alone: a stand-in for libSystem. */
  readonly libc?: Libc;
}

/**
 * Tells when processes exit: kqueue with EVFILT_PROC and NOTE_EXIT. The kernel keeps what happened, so nothing is missed
 * between two looks; Node cannot wait for a descriptor of this kind, so a timer looks, with one system call for all
 * processes, and only while one is watched.
 *
 * A pid is no pin: watch first, then see whether it still is the process that was meant. Whoever took the pid over before
 * the watch shows then; whoever takes it over later does so after an event.
 */
export class ExitWatch {
  readonly #libc: Libc;
  readonly #intervalMs: number;
  readonly #watched = new Map<number, Set<OnExit>>();
  /** Those that were gone when they were to be watched: told with the next look. */
  readonly #gone = new Set<number>();
  #queue: Fd | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: WatchOptions = {}) {
    this.#libc = options.libc ?? systemLibc();
    this.#intervalMs = options.intervalMs ?? 100;
  }

  /**
   * Calls `onExit` once, and never from within this call. A process that is gone already has exited.
   * @throws PortcullisError `LEASE_WATCH` when the kernel does not watch it: then nobody may rely on it (I2).
   */
  watch(pid: Pid, onExit: OnExit): void {
    const watchers = this.#watched.get(pid);
    if (watchers !== undefined) {
      watchers.add(onExit);
      return;
    }
    this.#add(pid);
    this.#watched.set(pid, new Set([onExit]));
    this.#timer ??= setInterval(() => { this.look(); }, this.#intervalMs).unref();
  }

  /** `onExit` is not called any more. Idempotent. */
  unwatch(pid: Pid, onExit: OnExit): void {
    const watchers = this.#watched.get(pid);
    if (watchers?.delete(onExit) !== true || watchers.size > 0) return;
    this.#forget(pid);
    // ENOENT where it fired meanwhile: the event that waits will find nobody
    if (this.#queue !== undefined) deleteProcess(this.#libc, this.#queue, pid);
  }

  /** Looks at the queue now, and tells whom it concerns. */
  look(): void {
    for (const pid of [...this.#gone]) this.#tell(pid);
    const events = this.#queue === undefined ? [] : takeEvents(this.#libc, this.#queue);
    // a queue that cannot be read keeps nobody's lease: each counts as an exit, and who looks again finds out which are not (I2)
    if (events instanceof SysFailure) for (const pid of [...this.#watched.keys()]) this.#tell(pid);
    else for (const { ident } of events) this.#tell(ident);
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
    else if (failed !== undefined) throw failure(failed);
  }

  #open(): Fd {
    const queue = openQueue(this.#libc);
    if (queue instanceof SysFailure) throw failure(queue);
    return queue;
  }

  #tell(pid: number): void {
    const watchers = this.#watched.get(pid);
    this.#forget(pid); // first: who is told may watch the pid anew
    for (const onExit of watchers ?? []) onExit();
  }

  #forget(pid: number): void {
    this.#watched.delete(pid);
    this.#gone.delete(pid);
    if (this.#watched.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

function failure(why: SysFailure): PortcullisError {
  return new PortcullisError('LEASE_WATCH', `the peer's exit cannot be watched: ${why.toString()}`);
}

const watches = new WeakMap<Libc, ExitWatch>();

/** The one watch of this process, kept until it ends. */
export function exitWatch(libc: Libc): ExitWatch {
  let watch = watches.get(libc);
  if (watch === undefined) watches.set(libc, (watch = new ExitWatch({ libc })));
  return watch;
}
