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
      try {
        this.#run();
      } finally {
        this.#schedule();
      }
    });
  }

  #run(): void {
    let left = this.#most;
    while (left > 0 && this.#ready.length > 0) {
      const round = this.#ready;
      let reached = 0;
      this.#ready = [];
      try {
        for (const turn of round) {
          if (this.#paused) left = 0;
          if (left === 0) break;
          left -= 1;
          reached += 1;
          this.#take(turn);
        }
      } finally {
        // Who was not reached is first the next time, also where somebody's consumer threw.
        if (reached < round.length) this.#ready = [...round.slice(reached), ...this.#ready];
      }
    }
  }

  #take(turn: Turn): void {
    let more = true; // what its consumer threw is none of its doing
    try {
      more = turn.takeOne();
    } finally {
      if (more) this.#ready.push(turn);
    }
  }
}
