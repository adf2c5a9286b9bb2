import { Gate, type GateOptions } from '@portcullis/core';
import type { LoadedPolicy } from '@portcullis/policy';
import type { PolicyReloader } from '../reload/policy-reloader.js';

/** A gate whose policy came from a file, and may be read again. */
export class PolicyGate extends Gate {
  /** The policy as it was loaded first. */
  readonly loaded: LoadedPolicy;
  readonly #reloaders: (gate: Gate) => readonly PolicyReloader[];
  #made: readonly PolicyReloader[] | undefined;

  constructor(options: GateOptions, loaded: LoadedPolicy, warnings: readonly string[], reloaders: (gate: Gate) => readonly PolicyReloader[]) {
    super(options, warnings);
    this.loaded = loaded;
    this.#reloaders = reloaders;
  }

  get #kept(): readonly PolicyReloader[] {
    return (this.#made ??= this.#reloaders(this));
  }

  /** Follows the files from now on. */
  watch(): this {
    for (const one of this.#kept) one.start();
    return this;
  }

  /** Reads the policy again: what a SIGHUP asks for. Never rejects; the outcome goes to `onReload`. */
  async reload(trigger = 'asked'): Promise<void> {
    await Promise.all(this.#kept.map((one) => one.reload(trigger)));
  }

  override close(options: { readonly drainMs?: number } = {}): Promise<void> {
    for (const one of this.#made ?? []) one.close();
    return super.close(options);
  }
}
