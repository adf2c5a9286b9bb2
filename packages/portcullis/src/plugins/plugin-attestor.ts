import { PortcullisError, type Attestor, type AttestorHost, type Evidence, type Findings, type Peer, type SelectorDefinition, type SelectorKey, type SelectorValue } from '@portcullis/core';

/** An attestor of a plugin, with its name and catalogue as they were when it was registered. */
export class PluginAttestor implements Attestor {
  readonly name: string;
  readonly selectors: readonly SelectorDefinition[];
  readonly #plugin: string;
  readonly #inner: Attestor;

  constructor(plugin: string, inner: Attestor) {
    this.#plugin = plugin;
    this.#inner = inner;
    this.name = inner.name;
    this.selectors = Object.freeze(inner.selectors.map((definition) => frozen(structuredClone(definition))));
  }

  attach(host: AttestorHost): void {
    try {
      this.#inner.attach?.(host);
    } catch (cause) {
      throw this.#failed('cannot use what the platform offers it', cause);
    }
  }

  attest(peer: Peer, wanted: ReadonlySet<SelectorKey>, signal: AbortSignal, given: Evidence): Findings | Promise<Findings> {
    return this.#inner.attest(peer, wanted, signal, given);
  }

  async prepare(literals: ReadonlyMap<SelectorKey, ReadonlySet<SelectorValue>>): Promise<readonly string[]> {
    try {
      return (await this.#inner.prepare?.(literals)) ?? [];
    } catch (cause) {
      throw this.#failed('cannot prepare for the policy', cause);
    }
  }

  async close(): Promise<void> {
    await this.#inner.close?.();
  }

  #failed(what: string, cause: unknown): PortcullisError {
    return new PortcullisError('PLUGIN_FAILED', `plugin \`${this.#plugin}\` ${what}`, { cause, facts: { plugin: this.#plugin } });
  }
}

function frozen<T extends object>(value: T): T {
  for (const inner of Object.values(value)) if (typeof inner === 'object' && inner !== null) frozen(inner as object);
  return Object.freeze(value);
}
