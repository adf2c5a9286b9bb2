/** A set that refuses to change: shared by all who ask. `Object.freeze` does not reach what a `Set` holds. */
export class FrozenSet<T> extends Set<T> {
  #sealed = false;

  constructor(values: Iterable<T> = []) {
    super();
    for (const value of values) super.add(value);
    this.#sealed = true;
    Object.freeze(this);
  }

  override add(value: T): this {
    if (this.#sealed) throw new TypeError('this set is shared and does not change');
    return super.add(value);
  }

  override delete(): boolean {
    throw new TypeError('this set is shared and does not change');
  }

  override clear(): void {
    throw new TypeError('this set is shared and does not change');
  }
}
