import { onInterrupt } from '../cli/interrupt.js';

const WIDTH = 24;
const EVERY_MS = 100;

/** How far something has come, in one line of a terminal that is written over and taken away again, also by an interrupt. Silent elsewhere. */
export class Progress {
  readonly #stream: NodeJS.WriteStream;
  readonly #what: string;
  #shownMs = -Infinity;
  #restore: (() => void) | undefined;

  constructor(stream: NodeJS.WriteStream, what: string) {
    this.#stream = stream;
    this.#what = what;
  }

  /** @param share from 0 to 1; undefined where nobody knows how much there is */
  show(share: number | undefined, text: string): void {
    const nowMs = performance.now();
    if (!this.#stream.isTTY || nowMs - this.#shownMs < EVERY_MS) return;
    this.#shownMs = nowMs;
    this.#restore ??= onInterrupt(() => { this.#clear(); });
    this.#stream.write(`\r${this.#what} ${share === undefined ? '' : bar(share)}${text}\u001b[K`);
  }

  end(): void {
    if (this.#restore === undefined) return;
    this.#clear();
    this.#restore();
    this.#restore = undefined;
  }

  #clear(): void {
    this.#stream.write('\r\u001b[K');
  }
}

function bar(share: number): string {
  const full = Math.round(Math.min(share, 1) * WIDTH);
  return `[${'#'.repeat(full)}${'.'.repeat(WIDTH - full)}] ${String(Math.floor(Math.min(share, 1) * 100)).padStart(3)} %  `;
}
