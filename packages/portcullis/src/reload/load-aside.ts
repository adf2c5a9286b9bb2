import { statSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { PortcullisError, type SelectorDefinition } from '@portcullis/core';
import { unpackPolicy, type LoadOptions, type RuleBatch, type Sources } from '@portcullis/policy';
import { limitsOf } from '../limits.js';
import type { AsideAnswer, AsideJob, LoadedAside } from './aside-job.js';

/** As much YAML is read in some 100 ms. Below that a thread costs more than it spares. */
const LARGE_BYTES = 256 * 1024;

/** What reading a large policy again may take: even the worst 32 MiB, with tests that search for long, are read by then. */
const DEADLINE_MS = 300_000;

/** Node's timers fire at once where they cannot wait that long. */
const LONGEST_TIMER_MS = 0x7fff_ffff;

export interface AsideOptions {
  /** Files of tests that have to hold. */
  readonly tests?: readonly string[];
  /** Whether it is wanted in the form in which the last good policy is kept. */
  readonly keep?: boolean;
  /** How long the thread may take in all. */
  readonly deadlineMs?: number;
  /** Gives up. */
  readonly signal?: AbortSignal;
}

/** Whether to load a policy in this thread would hold up connections: by its file, and by what it included the last time. */
export function isLarge(path: string, before: Sources): boolean {
  let read = 0;
  for (const { text } of before.values()) read += text.length;
  return read > LARGE_BYTES || (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > LARGE_BYTES;
}

/**
 * Loads a policy as `loadPolicy` does, and runs its tests, in a thread of its own. Here it is put together again in turns of
 * the event loop that are short: connections are admitted meanwhile, by the policy before it.
 * @throws PortcullisError `POLICY_READ` where the thread ends without an answer, out of memory or by a defect, or has none in time
 */
export async function loadAside(path: string, load: LoadOptions, { tests = [], keep = false, deadlineMs = DEADLINE_MS, signal }: AsideOptions = {}): Promise<LoadedAside> {
  const { catalogue, knownListeners } = load;
  const nowMs = Date.now();
  // Copied, since a plugin's definitions may hold what cannot cross over.
  const definitions = JSON.parse(JSON.stringify(catalogue.definitions())) as readonly SelectorDefinition[];
  const listeners = knownListeners === undefined ? undefined : [...knownListeners];
  const job: AsideJob = { path, definitions, nowMs, tests, keep, ...(listeners && { knownListeners: listeners }), ...limitsOf(load) };
  const thread = new LoaderThread(job);
  const giveUp = (why: string) => (): void => { thread.fail(new Error(why)); };
  const deadline = setTimeout(giveUp(`it did not answer within ${String(deadlineMs / 1000)} s`), Math.min(deadlineMs, LONGEST_TIMER_MS));
  const closed = giveUp('it is not wanted any more');
  signal?.addEventListener('abort', closed);
  try {
    const { parcel, why, bytes } = await thread.next() as AsideAnswer;
    const next = async (): Promise<RuleBatch> => await thread.ask() as RuleBatch;
    const loaded = await unpackPolicy(parcel, next, { catalogue, nowMs, ...(listeners && { knownListeners: listeners }) });
    return { ...loaded, aside: { ...(why !== undefined && { why }), ...(bytes && { bytes }) } };
  } finally {
    clearTimeout(deadline);
    signal?.removeEventListener('abort', closed);
    await thread.end();
  }
}

/** One job's thread: a message at a time. */
class LoaderThread {
  readonly #worker: Worker;
  readonly #path: string;
  #settle: { readonly resolve: (message: unknown) => void; readonly reject: (error: unknown) => void } | undefined;
  #ended: PortcullisError | undefined;

  constructor(job: AsideJob) {
    // Nothing of this process's options or environment: it reads files and calculates.
    this.#worker = new Worker(new URL('./aside-worker.js', import.meta.url), { workerData: job, execArgv: [], env: {}, name: 'portcullis-policy' });
    this.#path = job.path;
    const failed = (cause: unknown): void => { this.fail(cause); };
    this.#worker.on('message', (message: unknown) => {
      if (this.#settle === undefined) failed(new Error('it spoke without being asked'));
      else this.#settle.resolve(message);
      this.#settle = undefined;
    });
    this.#worker.on('error', failed).on('messageerror', failed).on('exit', (code) => { failed(new Error(`exit code ${String(code)}`)); });
  }

  /** Whoever waits for its answer, now or later, hears of this; of the first cause only. */
  fail(cause: unknown): void {
    this.#ended ??= new PortcullisError('POLICY_READ', `the thread that reads \`${this.#path}\` ended`, { cause, facts: { path: this.#path } });
    this.#settle?.reject(this.#ended);
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
