/** What became of stdout: a result that did not get out is a failure, unless its reader had enough of it. */
export class Unwritten {
  #error: Error | undefined;
  #left = false;

  constructor(stream: NodeJS.WritableStream) {
    stream.on('error', (error) => { this.#error ??= error; });
  }

  /** Leaves stdout to somebody who tells of its troubles: `serve`, which goes on without it. */
  leave(): void {
    this.#left = true;
  }

  /** Why the result did not get out. A pipe whose reader went away, such as `head`, is none of our errors. */
  get error(): Error | undefined {
    const code = this.#error !== undefined && 'code' in this.#error ? this.#error.code : undefined;
    return this.#left || code === 'EPIPE' ? undefined : this.#error;
  }
}

/** Of this process. */
export const unwritten = new Unwritten(process.stdout);
