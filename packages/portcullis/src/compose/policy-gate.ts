import { Gate, type GateOptions } from '@portcullis/core';
import type { LoadedPolicy } from '@portcullis/policy';
import type { PolicyReloader } from '../reload/policy-reloader.js';

/** A gate whose policy came from a file, and may be read again. */
export class PolicyGate extends Gate {
  /** The policy as it was loaded first. */
  readonly loaded: LoadedPolicy;
  readonly #reloader: (gate: Gate) => PolicyReloader;
  #made: PolicyReloader | undefined;

  constructor(options: GateOptions, loaded: LoadedPolicy, warnings: readonly string[], reloader: (gate: Gate) => PolicyReloader) {
    super(options, warnings);
    this.loaded = loaded;
    this.#reloader = reloader;
  }

  get #kept(): PolicyReloader {
    return (this.#made ??= this.#reloader(this));
  }

  /** Follows the files from now on. */
  watch(): this {
    this.#kept.start();
    return this;
  }

  /** Reads the policy again: what a SIGHUP asks for. Never rejects; the outcome goes to `onReload`. */
  reload(trigger = 'asked'): Promise<void> {
    return this.#kept.reload(trigger);
  }

  override close(options: { readonly drainMs?: number } = {}): Promise<void> {
    this.#made?.close();
    return super.close(options);
  }
}
