import type { SelectorValue } from '@portcullis/core';

/** A set of one value, at an eighth of the memory of a `Set`: what most tests hold, and a large policy holds many. */
export class OneValue implements ReadonlySet<SelectorValue> {
  readonly size = 1;
  readonly value: SelectorValue;

  constructor(value: SelectorValue) {
    this.value = value;
  }

  has(value: SelectorValue): boolean {
    return value === this.value;
  }

  forEach(take: (value: SelectorValue, again: SelectorValue, set: ReadonlySet<SelectorValue>) => void): void {
    take(this.value, this.value, this);
  }

  [Symbol.iterator](): SetIterator<SelectorValue> {
    return this.values();
  }

  keys(): SetIterator<SelectorValue> {
    return this.values();
  }

  values(): SetIterator<SelectorValue> {
    return new Set([this.value]).values();
  }

  entries(): SetIterator<[SelectorValue, SelectorValue]> {
    return new Set([this.value]).entries();
  }
}
