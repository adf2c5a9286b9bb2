export interface Interval<T> {
  readonly from: number;
  /** Included. */
  readonly to: number;
  readonly item: T;
}

/** Closed intervals, looked up by a point in O(log n + hits): sorted by start, each half knowing its greatest end. */
export class IntervalTree<T> {
  readonly #sorted: readonly Interval<T>[];
  /** At the middle of each half: the greatest end within that half. */
  readonly #greatest: Float64Array;

  constructor(intervals: readonly Interval<T>[]) {
    this.#sorted = [...intervals].sort((a, b) => a.from - b.from || a.to - b.to);
    this.#greatest = new Float64Array(intervals.length);
    this.#measure(0, this.#sorted.length);
  }

  /** Pushes onto `into` the items of all intervals that contain `point`. */
  find(point: number, into: T[]): void {
    this.#find(point, 0, this.#sorted.length, into);
  }

  #measure(low: number, high: number): number {
    if (low >= high) return -Infinity;
    const middle = (low + high) >> 1;
    const own = this.#sorted[middle]?.to ?? -Infinity;
    const greatest = Math.max(own, this.#measure(low, middle), this.#measure(middle + 1, high));
    this.#greatest[middle] = greatest;
    return greatest;
  }

  #find(point: number, low: number, high: number, into: T[]): void {
    if (low >= high) return;
    const middle = (low + high) >> 1;
    if (point > (this.#greatest[middle] ?? -Infinity)) return;
    this.#find(point, low, middle, into);
    const interval = this.#sorted[middle];
    if (interval === undefined || interval.from > point) return;
    if (interval.to >= point) into.push(interval.item);
    this.#find(point, middle + 1, high, into);
  }
}
