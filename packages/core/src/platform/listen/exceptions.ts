import type { ListenException } from '../../listener.js';

/** The exceptions of a listener: what was granted, and which of it was needed. */
export class Exceptions {
  readonly #granted: ReadonlySet<ListenException>;
  readonly #used = new Set<ListenException>();

  constructor(granted: ReadonlySet<ListenException>) {
    this.#granted = granted;
  }

  /** Whether the listener is exempt; from then on the exception counts as used. */
  excuse(name: ListenException): boolean {
    if (!this.#granted.has(name)) return false;
    this.#used.add(name);
    return true;
  }

  get used(): readonly ListenException[] {
    return [...this.#used].sort();
  }
}
