import { Worker } from 'node:worker_threads';
import { unknown, type Fd, type Unknown } from '@portcullis/core';
import type { DigestAnswer, DigestRequest } from './digest-thread.js';

/** One thread that reads and hashes, so that the event loop does not. Started with the first request, kept until closed. */
export class DigestWorker {
  #worker: Worker | undefined;
  #next = 0;
  readonly #waiting = new Map<number, (answer: string | Unknown) => void>();

  /** The digest of the file behind `fd`, from its start, as 64 hex digits. Never rejects. */
  sha256(fd: Fd): Promise<string | Unknown> {
    return new Promise((resolve) => {
      const id = (this.#next += 1);
      this.#waiting.set(id, resolve);
      const worker = (this.#worker ??= this.#start());
      worker.ref(); // a digest that is awaited keeps the process
      worker.postMessage({ id, fd } satisfies DigestRequest);
    });
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
    this.#worker = undefined;
  }

  #start(): Worker {
    const worker = new Worker(new URL('./digest-thread.js', import.meta.url), { name: 'portcullis digests' });
    worker.unref();
    worker.on('message', ({ id, hex, error }: DigestAnswer) => {
      this.#answer(id, hex ?? unknown('system-error', error ?? 'no digest'));
      if (this.#waiting.size === 0) worker.unref();
    });
    const died = (why: unknown): void => {
      if (this.#worker === worker) this.#worker = undefined;
      for (const id of this.#waiting.keys()) this.#answer(id, unknown('system-error', `the digest thread ended: ${String(why)}`));
    };
    worker.on('error', died);
    worker.on('exit', died);
    return worker;
  }

  #answer(id: number, answer: string | Unknown): void {
    this.#waiting.get(id)?.(answer);
    this.#waiting.delete(id);
  }
}
