import { Worker } from 'node:worker_threads';
import { PortcullisError, type Fd } from '@portcullis/core';
import { closeFd, socketPair } from '../ffi/file.js';
import { epollAddOnce, epollArm, epollCreate, epollRemove } from '../ffi/epoll.js';
import { SysFailure } from '../ffi/errno.js';
import { endSafely } from '../held-up/before-exit.js';
import { END, OVER, type ReadinessThreadData } from './readiness-thread.js';

/** Who watches a descriptor. */
export interface Watcher {
  /** There is something to read, or the end. Called once, then not again until `Watch.arm`. */
  ready(): void;
  /** Nothing will be heard any more. */
  failed(error: unknown): void;
}

/** A descriptor that is watched. Closed before the descriptor is. */
export class Watch {
  readonly #readiness: Readiness;
  readonly #fd: Fd;
  readonly #id: number;

  constructor(readiness: Readiness, fd: Fd, id: number) {
    this.#readiness = readiness;
    this.#fd = fd;
    this.#id = id;
  }

  /** Calls `ready` once more, also where it is so already. Throws `PLATFORM_SYSTEM`. */
  arm(): void {
    this.#readiness.arm(this.#fd, this.#id);
  }

  /** Whether the process stays while this is watched. */
  keepAlive(yes: boolean): void {
    this.#readiness.keepAlive(this.#id, yes);
  }

  /** Idempotent. */
  close(): void {
    this.#readiness.forget(this.#fd, this.#id);
  }
}

/**
 * Tells when descriptors can be read that Node has no stream for: one epoll descriptor, and one thread that waits on it
 * (docs/decisions/0012). The thread is started with the first watch and kept.
 */
export class Readiness {
  readonly #epollFd: Fd;
  readonly #watchers = new Map<number, { readonly watcher: Watcher; keepsAlive: boolean }>();
  #keepingAlive = 0;
  #last = END;
  #worker: Worker | undefined;

  /** Node waits for its threads when it exits, and cannot interrupt this one: its end of a pair wakes it. */
  readonly #tell: () => void;

  constructor() {
    this.#epollFd = orThrow(epollCreate());
    const [own, other] = orThrow(socketPair());
    orThrow(epollAddOnce(this.#epollFd, other, END));
    this.#tell = () => { closeFd(own); };
  }

  /** `keepsAlive`: the process does not end by itself while this is watched. Throws `PLATFORM_SYSTEM`. */
  watch(fd: Fd, watcher: Watcher, { keepsAlive }: { readonly keepsAlive: boolean }): Watch {
    const id = this.#nextId();
    this.#worker ??= this.#start();
    orThrow(epollAddOnce(this.#epollFd, fd, id));
    this.#watchers.set(id, { watcher, keepsAlive: false });
    this.keepAlive(id, keepsAlive);
    return new Watch(this, fd, id);
  }

  arm(fd: Fd, id: number): void {
    if (this.#watchers.has(id)) orThrow(epollArm(this.#epollFd, fd, id));
  }

  forget(fd: Fd, id: number): void {
    const watched = this.#watchers.get(id);
    if (watched === undefined) return;
    this.keepAlive(id, false);
    this.#watchers.delete(id);
    epollRemove(this.#epollFd, fd);
  }

  keepAlive(id: number, yes: boolean): void {
    const watched = this.#watchers.get(id);
    if (watched === undefined || watched.keepsAlive === yes) return;
    watched.keepsAlive = yes;
    this.#keepingAlive += yes ? 1 : -1;
    if (this.#keepingAlive === 0) this.#worker?.unref();
    else if (yes && this.#keepingAlive === 1) this.#worker?.ref();
  }

  /** An event of an id may still be on its way when that is forgotten: ids are not used again soon. */
  #nextId(): number {
    do this.#last = this.#last >= MOST_ID ? END + 1 : this.#last + 1; while (this.#watchers.has(this.#last));
    return this.#last;
  }

  #start(): Worker {
    const progress = new Int32Array(new SharedArrayBuffer(4));
    const workerData: ReadinessThreadData = { epollFd: this.#epollFd, progress };
    // Without the process's own options: a program given by `--eval` would be run instead of the thread's.
    const worker = new Worker(new URL('./readiness-thread.js', import.meta.url), { name: 'portcullis readiness', workerData, execArgv: [] });
    endSafely(worker, progress, OVER, this.#tell);
    worker.on('message', (ready: readonly number[]) => {
      for (const id of ready) this.#watchers.get(id)?.watcher.ready();
    });
    worker.on('error', (error) => { this.#died(worker, error); });
    worker.on('exit', (code) => { this.#died(worker, new Error(`the readiness thread ended with ${String(code)}`)); });
    worker.unref(); // last: to listen for messages keeps the process too
    return worker;
  }

  /** What it was about to tell is lost with it. */
  #died(worker: Worker, error: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#keepingAlive = 0;
    const lost = [...this.#watchers.values()];
    this.#watchers.clear();
    for (const { watcher } of lost) watcher.failed(error);
  }
}

const MOST_ID = 0x7fff_ffff;

function orThrow<Result>(result: Result | SysFailure): Result {
  if (!(result instanceof SysFailure)) return result;
  throw new PortcullisError('PLATFORM_SYSTEM', `cannot wait for descriptors: ${result.toString()}`, { cause: result });
}

let shared: Readiness | undefined;

/** The one of this process. */
export function readiness(): Readiness {
  return (shared ??= new Readiness());
}
