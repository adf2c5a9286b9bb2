/** What has to be undone, last thing first. Synchronous, so that it also works while the process exits. */
export class Cleanup {
  readonly #undo: (() => void)[] = [];

  add(undo: () => void): void {
    this.#undo.push(undo);
  }

  /** Idempotent; one failure does not keep the rest from being undone. */
  run(): void {
    for (let undo = this.#undo.pop(); undo !== undefined; undo = this.#undo.pop()) {
      try {
        undo();
      } catch (error) {
        process.stderr.write(`portcullis demo: could not clean up: ${error instanceof Error ? error.message : String(error)}\n`);
      }
    }
  }
}
