import { write } from 'node:fs';
import { countLines, MOST_WAITING, type LineOutput, type OutputTrouble } from './line-output.js';

/**
 * Output to a file or a device. Node writes to those in place, and its stream is lost for good after one full disk: so
 * one asynchronous write at a time, whatever waits goes with the next, and a failed one is tried again with it.
 */
export class FileOutput implements LineOutput {
  readonly #fd: number;
  readonly #trouble: (trouble: OutputTrouble | undefined) => void;
  #waiting = '';
  #writing: Promise<void> | undefined;
  #troubled = false;
  #lost = 0;

  /** @param trouble hears of a failure once, and of its end with undefined */
  constructor(fd: number, trouble: (trouble: OutputTrouble | undefined) => void) {
    this.#fd = fd;
    this.#trouble = trouble;
  }

  get lost(): number {
    return this.#lost;
  }

  write(text: string): void {
    if (this.#waiting.length + text.length > MOST_WAITING) this.#lost += countLines(text);
    else this.#waiting += text;
    this.#writing ??= this.#drain();
  }

  async flush(): Promise<void> {
    await this.#writing;
  }

  async #drain(): Promise<void> {
    await Promise.resolve(); // the rest of this turn's records
    while (this.#waiting !== '') {
      const text = this.#waiting;
      this.#waiting = '';
      const left = await this.#all(Buffer.from(text));
      if (left !== undefined) {
        // Cut lines would join with others: what was half out ends, the rest is lost.
        this.#lost += countLines(left);
        break;
      }
    }
    this.#writing = undefined;
  }

  /** Writes all of it; what is left when that fails. */
  async #all(bytes: Buffer): Promise<string | undefined> {
    for (let at = 0; at < bytes.length; ) {
      try {
        at += await this.#some(bytes.subarray(at));
      } catch (error) {
        if (!this.#troubled) this.#trouble({ error: error instanceof Error ? error : new Error(String(error)), final: false });
        this.#troubled = true;
        if (at > 0) this.#waiting = `\n${this.#waiting}`;
        return bytes.subarray(at).toString();
      }
    }
    if (this.#troubled) this.#trouble(undefined);
    this.#troubled = false;
    return undefined;
  }

  #some(bytes: Buffer): Promise<number> {
    return new Promise((resolve, reject) => {
      write(this.#fd, bytes, (error, written) => {
        if (error === null) resolve(written);
        else reject(error);
      });
    });
  }
}
