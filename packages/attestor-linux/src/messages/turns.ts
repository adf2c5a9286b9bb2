/** Something that has one more message, or does not know yet that it has none. */
export interface Turn {
  /** Takes one; false when there is none left for now. */
  takeOne(): boolean;
}

/**
 * Takes from all that are ready one after the other, and not more than `most` in one turn of the event loop: no sender
 * holds up the others or the process (T20).
 */
export class Turns {
  readonly #most: number;
  #ready: Turn[] = [];
  #scheduled = false;
  #paused = false;

  constructor(most: number) {
    this.#most = most;
  }

  add(turn: Turn): void {
    this.#ready.push(turn);
    this.#schedule();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#paused || this.#ready.length === 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#run();
      this.#schedule();
    });
  }

  #run(): void {
    for (let left = this.#most; left > 0 && this.#ready.length > 0; ) {
      const round = this.#ready;
      this.#ready = [];
      for (const turn of round) {
        // Who was not reached stays first.
        if (left === 0 || this.#paused) this.#ready.push(turn);
        else {
          left -= 1;
          if (turn.takeOne()) this.#ready.push(turn);
        }
      }
      if (this.#paused) return;
    }
  }
}
