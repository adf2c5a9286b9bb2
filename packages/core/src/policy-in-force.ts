import type { Attestor } from './attestor.js';
import { Candidate } from './candidate.js';
import type { AfterDecision } from './events.js';
import type { Policy } from './policy.js';
import { prepareAttestors } from './prepare.js';

/** What is done before a policy takes effect; each may throw, and then the policy that works stays. */
export interface Preparations {
  readonly attestors: readonly Attestor[];
  /** After the attestors. Returns warnings. */
  readonly before?: (policy: Policy) => readonly string[];
}

/** The policy that decides, the candidate beside it, and the attestors' preparations for it, which run one after the other. */
export class PolicyInForce {
  readonly #attestors: readonly Attestor[];
  readonly #before: ((policy: Policy) => readonly string[]) | undefined;
  readonly #after: AfterDecision;
  readonly #refresh: NodeJS.Timeout | undefined;
  #policy: Policy;
  #candidate: Candidate | undefined;
  #warnings: readonly string[];
  #preparing: Promise<unknown> = Promise.resolve();
  #refreshing = false;

  /** `policy` and `candidate` were prepared for, with these warnings. `refreshMs` 0: names are not looked up again. */
  constructor(policy: Policy, warnings: readonly string[], { attestors, before }: Preparations, after: AfterDecision, refreshMs: number, candidate?: Policy) {
    this.#policy = policy;
    this.#candidate = candidate && new Candidate(candidate);
    this.#warnings = warnings;
    this.#attestors = attestors;
    this.#before = before;
    this.#after = after;
    if (refreshMs > 0) this.#refresh = setInterval(() => void this.#prepareAgain(), refreshMs).unref();
  }

  get policy(): Policy {
    return this.#policy;
  }

  get candidate(): Candidate | undefined {
    return this.#candidate;
  }

  /** Prepares attestors for both policies, then counts anew. A failure keeps the candidate that was. */
  setCandidate(policy: Policy | undefined): Promise<void> {
    return this.#oneByOne(async () => {
      this.#warnings = await this.#prepareFor(this.#policy, policy);
      this.#candidate = policy && new Candidate(policy);
    });
  }

  /** Prepares attestors for `policy`, then swaps one reference. A failure keeps the policy that works. */
  set(policy: Policy): Promise<void> {
    return this.#oneByOne(async () => {
      this.#warnings = await this.#prepareFor(policy, this.#candidate?.policy);
      const previous = this.#policy.revision;
      this.#policy = policy;
      const warnings = this.#warnings;
      this.#after.later(() => { this.#after.emit('policy', { name: policy.name, revision: policy.revision, previous, warnings }); });
    });
  }

  close(): void {
    clearInterval(this.#refresh);
  }

  /** Attestors that were prepared before another failed are prepared for the policy that stays. */
  async #prepareFor(policy: Policy, candidate: Policy | undefined): Promise<readonly string[]> {
    try {
      return [...(await this.#prepare(policy, candidate)), ...(this.#before?.(policy) ?? [])];
    } catch (error) {
      await this.#prepare(this.#policy, this.#candidate?.policy).catch((again: unknown) => { this.#after.fail('prepare', again); });
      throw error;
    }
  }

  /** A user who went away since the last time is said once. */
  async #prepareAgain(): Promise<void> {
    if (this.#refreshing) return;
    this.#refreshing = true;
    try {
      await this.#oneByOne(async () => {
        const before = new Set(this.#warnings);
        this.#warnings = await this.#prepare(this.#policy, this.#candidate?.policy);
        for (const warning of this.#warnings) if (!before.has(warning)) this.#after.fail('prepare', new Error(warning));
      });
    } catch (error) {
      this.#after.fail('prepare', error);
    } finally {
      this.#refreshing = false;
    }
  }

  #prepare(policy: Policy, candidate: Policy | undefined): Promise<readonly string[]> {
    return prepareAttestors(this.#attestors, policy, ...(candidate === undefined ? [] : [candidate]));
  }

  #oneByOne<T>(job: () => Promise<T>): Promise<T> {
    const turn = this.#preparing.then(job);
    this.#preparing = turn.catch(() => undefined);
    return turn;
  }
}
