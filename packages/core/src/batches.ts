/** As many at once, and in one turn of the event loop. Four took two thirds of what these gain; more were not tried. */
const MOST = 16;
/** What came first waits no longer than this for others. */
const LONGEST_WAIT_MS = 1;

/**
 * Takes what comes one by one, as long as there is more in each turn of the event loop, and gives it on together. Node accepts
 * one connection a turn; the code of an admission is far larger than a processor's first caches, and so is Node's own for
 * a connection: one after the other in every turn, they drive each other out. What comes alone waits for one turn.
 */
export class Batches<Item> {
  readonly #give: (item: Item) => void;
  readonly #longestWaitMs: number;
  #items: Item[] = [];
  /** How many there were at the last look; -1 where no look is due. */
  #seen = -1;
  #beganMs = 0;

  /** `give` may throw: what it did not come to is given in a later turn. */
  constructor(give: (item: Item) => void, longestWaitMs = LONGEST_WAIT_MS) {
    this.#give = give;
    this.#longestWaitMs = longestWaitMs;
  }

  add(item: Item): void {
    this.#items.push(item);
    if (this.#seen < 0) this.#lookLater();
    else if (this.#items.length >= MOST) this.#giveAll();
  }

  #lookLater(): void {
    this.#seen = 0;
    this.#beganMs = performance.now();
    setImmediate(this.#look);
  }

  readonly #look = (): void => {
    const { length } = this.#items;
    if (length > this.#seen && length < MOST && performance.now() - this.#beganMs < this.#longestWaitMs) {
      this.#seen = length;
      setImmediate(this.#look);
      return;
    }
    this.#seen = -1;
    this.#giveAll();
  };

  #giveAll(): void {
    const items = this.#items;
    this.#items = [];
    let given = 0;
    try {
      for (const item of items) {
        given += 1;
        this.#give(item);
      }
    } finally {
      if (given < items.length) {
        this.#items = [...items.slice(given), ...this.#items]; // before those that came meanwhile
        if (this.#seen < 0) this.#lookLater();
      }
    }
  }
}
