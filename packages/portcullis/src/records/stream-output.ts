import type { Writable } from 'node:stream';
import { countLines, MOST_WAITING, type LineOutput, type OutputTrouble } from './line-output.js';

/** Output to a pipe, a socket or a terminal. A reader that is slow is waited for within a bound, one that is gone is not. */
export class StreamOutput implements LineOutput {
  readonly #stream: Writable;
  #waiting = '';
  #scheduled = false;
  #gone = false;
  #lost = 0;

  constructor(stream: Writable, trouble: (trouble: OutputTrouble | undefined) => void) {
    this.#stream = stream;
    stream.on('error', (error) => {
      if (!this.#gone) trouble({ error, final: true });
      this.#gone = true;
    });
  }

  get lost(): number {
    return this.#lost;
  }

  write(text: string): void {
    if (this.#gone || this.#waiting.length + this.#stream.writableLength + text.length > MOST_WAITING) {
      this.#lost += countLines(text);
      return;
    }
    this.#waiting += text;
    if (this.#scheduled) return;
    this.#scheduled = true;
    process.nextTick(() => { this.#send(); });
  }

  async flush(): Promise<void> {
    this.#send();
    if (this.#gone) return;
    await new Promise<void>((resolve) => {
      this.#stream.once('error', () => { resolve(); });
      this.#stream.write('', () => { resolve(); });
    });
  }

  #send(): void {
    this.#scheduled = false;
    const text = this.#waiting;
    this.#waiting = '';
    if (text !== '' && !this.#gone) this.#stream.write(text);
  }
}
