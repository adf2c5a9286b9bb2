import type { SourcePlace } from '@portcullis/core';

/** The text of one file, and where its lines begin. */
export class SourceText {
  readonly file: string;
  readonly text: string;
  #lineStarts: readonly number[] | undefined;

  constructor(file: string, text: string) {
    this.file = file;
    this.text = text;
  }

  /** The place of an offset in UTF-16 units. Lines and columns count from 1. */
  placeAt(offset: number): SourcePlace {
    const starts = this.#starts();
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return Object.freeze({ file: this.file, line: low + 1, column: offset - (starts[low] ?? 0) + 1 });
  }

  /** The text of a line (from 1), without its break; undefined where there is none. */
  line(number: number): string | undefined {
    const starts = this.#starts();
    const start = starts[number - 1];
    if (start === undefined) return undefined;
    return this.text.slice(start, (starts[number] ?? this.text.length + 1) - 1).replace(/\r$/, '');
  }

  #starts(): readonly number[] {
    if (this.#lineStarts !== undefined) return this.#lineStarts;
    const starts = [0];
    for (let at = this.text.indexOf('\n'); at !== -1; at = this.text.indexOf('\n', at + 1)) starts.push(at + 1);
    return (this.#lineStarts = starts);
  }
}

/** The sources of a load, by file as findings name it. */
export type Sources = ReadonlyMap<string, SourceText>;
