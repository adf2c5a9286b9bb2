import { formatErrorChain, PortcullisError, type Policy } from '@portcullis/core';
import type { CompiledPolicy, LoadOptions, PolicyFinding, Sources } from '@portcullis/policy';
import { stateOf } from './file-stamps.js';
import type { LoadedAside } from './aside-job.js';
import { FolderWatch } from './folder-watch.js';
import { isLarge, loadAside } from './load-aside.js';
import { loadSteadyPolicy, type SteadyPolicy } from './steady-load.js';

/** What became of one reload. `rejected`: the policy that worked before still does. */
export interface PolicyReload {
  /** It is the candidate beside the policy in force. */
  readonly candidate?: true;
  readonly outcome: 'loaded' | 'unchanged' | 'rejected';
  /** `file`, or whatever asked for it. */
  readonly trigger: string;
  readonly path: string;
  /** The policy in force after it. */
  readonly name: string;
  readonly revision: string;
  readonly previous: string;
  readonly findings: readonly PolicyFinding[];
  /** For code frames. */
  readonly sources: Sources;
  /** Why it was rejected, where findings do not say it: attestors could not prepare for it, or its tests do not hold. Of one that was loaded: that it could not be kept. */
  readonly error?: string;
  /** From the beginning to when it was in force, or rejected. A large policy is read beside what goes on. */
  readonly tookMs: number;
  /** How many there were, this one included, since the policy is followed, and how many of them were rejected. */
  readonly reloads: number;
  readonly rejected: number;
  /** When the policy in force took effect, milliseconds since the epoch. */
  readonly sinceMs: number;
}

export interface ReloaderOptions {
  readonly load: LoadOptions;
  /** Files that are watched with it: its tests. */
  readonly also?: readonly string[];
  /** Why a sound policy may not take effect; undefined: it may. */
  readonly accept?: (policy: CompiledPolicy) => string | undefined;
  /** Called after it took effect. What it answers is reported. */
  readonly applied?: (policy: CompiledPolicy, bytes?: Uint8Array) => string | undefined;
  /** What is loaded is a candidate. */
  readonly candidate?: true;
  /** How long a large one may take that is read in a thread. */
  readonly deadlineMs?: number;
  /** Puts a policy in force; rejects to keep the old one. */
  readonly apply: (policy: Policy) => Promise<void>;
  /** Hears of every reload that had something to say. */
  readonly report: (reload: PolicyReload) => void;
}

/** Editors and deployments change several files at once: waited for until this long nothing happened. */
const QUIET_MS = 100;
/** For file systems that do not tell, and watches that were lost. */
const LOOK_MS = 5_000;

/** Keeps a policy in step with its files: compiled aside, then swapped; a bad one is reported and changes nothing. */
export class PolicyReloader {
  readonly path: string;
  readonly #options: ReloaderOptions;
  readonly #watch: FolderWatch;
  /** What was read last, good or bad. */
  #read: SteadyPolicy;
  #current: CompiledPolicy;
  #rejected = false;
  #reloads = 0;
  #rejections = 0;
  #sinceMs = Date.now();
  #quiet: NodeJS.Timeout | undefined;
  #look: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  /** The state of the files that could not be read to an end: looked at again once they have another, or when somebody asks. */
  #given: string | undefined;
  readonly #closed = new AbortController();

  /** @param first what was read last @param current what is in force: that, or the policy before it where that was rejected */
  constructor(path: string, first: SteadyPolicy, current: CompiledPolicy, options: ReloaderOptions) {
    this.path = path;
    this.#options = options;
    this.#current = current;
    this.#read = first;
    this.#rejected = first.policy !== current;
    this.#watch = new FolderWatch(() => { this.#soon(); });
  }

  /** Watches the folders of all files from now on. What changed since they were read is noticed at once. */
  start(): void {
    this.#watch.set(this.#read.folders);
    this.#look = setInterval(() => { this.#compare(); }, LOOK_MS).unref();
    this.#compare();
  }

  /** Loads again, after whatever reload runs already. Never rejects. */
  reload(trigger: string): Promise<void> {
    return (this.#running = this.#running.then(() => this.#reload(trigger)));
  }

  close(): void {
    this.#closed.abort();
    clearTimeout(this.#quiet);
    clearInterval(this.#look);
    this.#watch.close();
  }

  /** Whether files look other than they did when they were read. */
  get #changed(): boolean {
    const state = this.#state;
    return state !== this.#read.state && state !== this.#given;
  }

  #isClosed(): boolean {
    return this.#closed.signal.aborted;
  }

  get #state(): string {
    return stateOf(this.#read.watched, this.#read.folders);
  }

  #compare(): void {
    if (this.#changed) this.#soon();
  }

  #soon(): void {
    if (this.#isClosed()) return;
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => { if (this.#changed) void this.reload('file'); }, QUIET_MS).unref();
  }

  async #reload(trigger: string): Promise<void> {
    if (this.#isClosed()) return;
    const begun = { trigger, previous: this.#current.revision, atMs: performance.now() };
    const { previous } = begun;
    const state = this.#state;
    const loaded = await this.#load().catch((cause: unknown) => { this.#failed(cause, begun, state); });
    if (loaded === undefined || this.#isClosed()) return;
    this.#read = loaded;
    this.#given = undefined;
    try {
      if (this.#look !== undefined) this.#watch.set(loaded.folders);
      if (loaded.policy === undefined) {
        this.#tell('rejected', begun);
      } else if (loaded.policy.revision === previous) {
        // Loaded anew, a policy with `maxAge` is young again.
        if (loaded.policy.expiresMs !== this.#current.expiresMs) {
          await this.#options.apply(loaded.policy);
          this.#took(loaded.policy);
        }
        // Watched folders hold other files too: that nothing happened is news only to who asked, or heard otherwise.
        if (trigger !== 'file' || this.#rejected) this.#tell('unchanged', begun);
      } else {
        const why = loaded.aside === undefined ? this.#options.accept?.(loaded.policy) : loaded.aside.why;
        if (why !== undefined) {
          this.#tell('rejected', begun, why);
          return;
        }
        await this.#options.apply(loaded.policy);
        this.#took(loaded.policy);
        this.#tell('loaded', begun, this.#options.applied?.(loaded.policy, loaded.aside?.bytes));
      }
    } catch (cause) {
      this.#failed(cause, begun);
    }
  }

  /** @param unread the state of the files, where they could not be read: findings are then of no use, being of what was read before */
  #failed(cause: unknown, begun: Begun, unread?: string): void {
    if (this.#isClosed()) return;
    this.#given = unread;
    if (unread !== undefined) this.#read = { ...this.#read, findings: [] };
    const error = new PortcullisError('POLICY_READ', `cannot put \`${this.path}\` in force`, { cause });
    this.#tell('rejected', begun, formatErrorChain(error));
  }

  /** A large one is read in a thread of its own, with its tests. */
  #load(): Promise<SteadyPolicy> {
    const { load, also = [], applied, deadlineMs } = this.#options;
    const options = { tests: also, keep: applied !== undefined, signal: this.#closed.signal, ...(deadlineMs !== undefined && { deadlineMs }) };
    const aside = (): Promise<LoadedAside> => loadAside(this.path, load, options);
    return loadSteadyPolicy(this.path, load, also, isLarge(this.path, this.#read.sources) ? aside : undefined);
  }

  #took(policy: CompiledPolicy): void {
    this.#current = policy;
    this.#sinceMs = Date.now();
  }

  #tell(outcome: PolicyReload['outcome'], { trigger, previous, atMs }: Begun, error?: string): void {
    this.#rejected = outcome === 'rejected';
    this.#reloads++;
    if (this.#rejected) this.#rejections++;
    const { name, revision } = this.#current;
    const { findings, sources } = this.#read;
    this.#options.report({
      ...(this.#options.candidate === true && { candidate: true as const }), outcome, trigger, path: this.path, name, revision, previous, findings, sources, ...(error === undefined ? {} : { error }),
      tookMs: Math.round(performance.now() - atMs), reloads: this.#reloads, rejected: this.#rejections, sinceMs: this.#sinceMs,
    });
  }
}

/** A reload under way. */
interface Begun {
  readonly trigger: string;
  /** The revision that was in force. */
  readonly previous: string;
  readonly atMs: number;
}
