import { PortcullisError } from './errors.js';

/** One limit for several steps of a verified connect. */
export class TimeLimit {
  readonly #timeoutMs: number;
  readonly #what: string;
  readonly #began = performance.now();

  /** `what` is the server, as messages call it. */
  constructor(timeoutMs: number, what: string) {
    this.#timeoutMs = timeoutMs;
    this.#what = what;
  }

  get leftMs(): number {
    return this.#timeoutMs - (performance.now() - this.#began);
  }

  /** The error of this limit. */
  passed(): PortcullisError {
    return new PortcullisError('CONNECT_TIMEOUT', `the server behind ${this.#what} was not verified within ${String(this.#timeoutMs)} ms`, {
      facts: { timeoutMs: this.#timeoutMs },
    });
  }

  /** Also what never waited may have taken too long. @throws PortcullisError `CONNECT_TIMEOUT` */
  check(): void {
    if (this.leftMs <= 0) throw this.passed();
  }

  /** Waits for `step`, and no longer than is left: a step that answers later is heard by nobody. @throws PortcullisError `CONNECT_TIMEOUT` */
  async race<T>(step: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    try {
      return await Promise.race([step, new Promise<never>((_, reject) => {
        timer = setTimeout(() => { reject(this.passed()); }, Math.max(0, this.leftMs));
      })]);
    } finally {
      clearTimeout(timer);
      step.catch(() => undefined);
    }
  }
}
