/** What was read is not what a writer writes. */
export class Malformed extends Error {}

const MOST_BYTES = 8;

/** Reads what `ByteWriter` wrote, from bytes that anybody may have written. @throws Malformed */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  number(): number {
    let value = 0;
    let scale = 1;
    for (let read = 0; read < MOST_BYTES; read++) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new Malformed('it ends too soon');
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (Number.isSafeInteger(value)) return value;
        break;
      }
      scale *= 0x80;
    }
    throw new Malformed('a number is too large');
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw new Malformed('something follows its end');
  }
}
