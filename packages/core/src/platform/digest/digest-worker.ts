import { Worker } from 'node:worker_threads';
import { unknown, type Unknown } from '../../evidence.js';
import type { Fd } from '../../peer.js';
import { CHANGED } from './digest-source.js';
import type { DigestAnswer, DigestRequest, DigestThreadData } from './digest-thread.js';

/** The request that the thread is at. */
interface Asked {
  readonly id: number;
  readonly answer: (answer: string | Unknown) => void;
}

/** One thread that reads and hashes, so that the event loop does not. Started with the first request, kept until closed. */
export class DigestWorker {
  #worker: Worker | undefined;
  #asked: Asked | undefined;
  #last = 0;
  /** The id of a request that is to stop between two chunks. */
  readonly #stopped = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

  /** The digest of the file behind `fd`, of so many bytes, as 64 hex digits; `peer-changed` where it has more. One at a time. Never rejects. */
  sha256(fd: Fd, size: number): Promise<string | Unknown> {
    return new Promise((resolve) => {
      const id = (this.#last = (this.#last % MOST_ID) + 1);
      try {
        const worker = (this.#worker ??= this.#start());
        worker.ref(); // a digest that is awaited keeps the process
        this.#asked = { id, answer: resolve };
        worker.postMessage({ id, fd, size } satisfies DigestRequest);
      } catch (error) {
        this.#asked = undefined;
        resolve(unknown('system-error', `no digest thread: ${String(error)}`));
      }
    });
  }

  /** Tells the thread to leave the file that it reads: the answer comes soon, and is an unknown unless it was ready. */
  stop(): void {
    if (this.#asked !== undefined) Atomics.store(this.#stopped, 0, this.#asked.id);
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
    this.#worker = undefined;
  }

  #start(): Worker {
    const workerData: DigestThreadData = { stopped: this.#stopped };
    const worker = new Worker(new URL('./digest-thread.js', import.meta.url), { name: 'portcullis digests', workerData, execArgv: [] });
    worker.unref();
    worker.on('message', ({ id, hex, grew, error }: DigestAnswer) => {
      if (this.#asked?.id !== id) return;
      worker.unref();
      this.#answer(hex ?? (grew === true ? unknown('peer-changed', CHANGED) : unknown('system-error', error ?? 'no digest')));
    });
    const died = (why: unknown): void => {
      if (this.#worker !== worker) return; // its successor's request is none of its business
      this.#worker = undefined;
      this.#answer(unknown('system-error', `the digest thread ended: ${String(why)}`));
    };
    worker.on('error', died);
    worker.on('exit', died);
    return worker;
  }

  #answer(answer: string | Unknown): void {
    const asked = this.#asked;
    this.#asked = undefined;
    asked?.answer(answer);
  }
}

const MOST_ID = 0x7fff_ffff;
