import { statSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { PortcullisError, type SelectorDefinition } from '@portcullis/core';
import { unpackPolicy, type LoadOptions, type RuleBatch, type Sources } from '@portcullis/policy';
import type { AsideAnswer, AsideJob, LoadedAside } from './aside-job.js';

/** As much YAML is read in some 100 ms. Below that a thread costs more than it spares. */
const LARGE_BYTES = 256 * 1024;

/** Whether to load a policy in this thread would hold up connections: by its file, and by what it included the last time. */
export function isLarge(path: string, before: Sources): boolean {
  let read = 0;
  for (const { text } of before.values()) read += text.length;
  return read > LARGE_BYTES || (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > LARGE_BYTES;
}

/**
 * Loads a policy as `loadPolicy` does, and runs its tests, in a thread of its own. Here it is put together again in turns of
 * the event loop that are short: connections are admitted meanwhile, by the policy before it.
 * @throws PortcullisError `POLICY_READ` where the thread ends without an answer: out of memory, or a defect
 */
export async function loadAside(path: string, { catalogue, knownListeners, maxBytes }: LoadOptions, tests: readonly string[], keep: boolean): Promise<LoadedAside> {
  const nowMs = Date.now();
  // Copied, since a plugin's definitions may hold what cannot cross over.
  const definitions = JSON.parse(JSON.stringify(catalogue.definitions())) as readonly SelectorDefinition[];
  const listeners = knownListeners === undefined ? undefined : [...knownListeners];
  const job: AsideJob = { path, definitions, nowMs, tests, keep, ...(listeners && { knownListeners: listeners }), ...(maxBytes !== undefined && { maxBytes }) };
  const thread = new LoaderThread(job);
  try {
    const { parcel, why, bytes } = await thread.next() as AsideAnswer;
    const next = async (): Promise<RuleBatch> => await thread.ask() as RuleBatch;
    const loaded = await unpackPolicy(parcel, next, { catalogue, nowMs, ...(listeners && { knownListeners: listeners }) });
    return { ...loaded, aside: { ...(why !== undefined && { why }), ...(bytes && { bytes }) } };
  } finally {
    await thread.end();
  }
}

/** One job's thread: a message at a time. */
class LoaderThread {
  readonly #worker: Worker;
  #settle: { readonly resolve: (message: unknown) => void; readonly reject: (error: unknown) => void } | undefined;
  #ended: PortcullisError | undefined;

  constructor(job: AsideJob) {
    // Nothing of this process's options or environment: it reads files and calculates.
    this.#worker = new Worker(new URL('./aside-worker.js', import.meta.url), { workerData: job, execArgv: [], env: {}, name: 'portcullis-policy' });
    const failed = (cause: unknown): void => {
      this.#ended ??= new PortcullisError('POLICY_READ', `the thread that reads \`${job.path}\` ended`, { cause, facts: { path: job.path } });
      this.#settle?.reject(this.#ended);
    };
    this.#worker.on('message', (message: unknown) => {
      if (this.#settle === undefined) failed(new Error('it spoke without being asked'));
      else this.#settle.resolve(message);
      this.#settle = undefined;
    });
    this.#worker.on('error', failed).on('messageerror', failed).on('exit', (code) => { failed(new Error(`exit code ${String(code)}`)); });
  }

  next(): Promise<unknown> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended); // nobody would answer
    return new Promise((resolve, reject) => { this.#settle = { resolve, reject }; });
  }

  ask(): Promise<unknown> {
    const answer = this.next();
    this.#worker.postMessage('next');
    return answer;
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}
