/** What of a message matters here. */
export interface Message {
  readonly type: 'return' | 'error' | 'other';
  readonly replySerial: number | undefined;
  readonly sender: string | undefined;
  readonly errorName: string | undefined;
  readonly signature: string;
  readonly body: Body;
}

/** The body of a message, decoded when somebody wants it. */
export interface Body {
  readonly bytes: Buffer;
  readonly littleEndian: boolean;
}

/** Values of the types that are asked for; a variant is the value in it, and an array of bytes a Buffer. */
export type Value = string | number | Buffer;

/** What is not a message, or not of a type that is known here. The connection is of no more use. */
export class Malformed extends Error {}

const FIXED = 16;
/** Answers here have some hundred bytes. The specification would allow 128 MiB. */
export const MOST_BYTES = 64 * 1024;

/** How long the message is that begins here, header and body; undefined where more bytes are needed to know. */
export function messageLength(bytes: Buffer): number | undefined {
  if (bytes.length < FIXED) return undefined;
  const littleEndian = isLittleEndian(bytes);
  if (bytes[3] !== 1) throw new Malformed(`version ${String(bytes[3])}`);
  const read = new Reader(bytes, littleEndian, 4);
  const body = read.uint32();
  read.uint32(); // serial
  const length = aligned(FIXED + read.uint32(), 8) + body;
  if (length > MOST_BYTES) throw new Malformed(`a message of ${String(length)} bytes`);
  return length;
}

/** Decodes one whole message. @throws Malformed */
export function decodeMessage(bytes: Buffer): Message {
  const littleEndian = isLittleEndian(bytes);
  const read = new Reader(bytes, littleEndian, 4);
  const bodyLength = read.uint32();
  read.uint32();
  const end = FIXED + read.uint32();
  const fields = new Map<number, Value>();
  while (read.at < end) {
    read.align(8);
    const code = read.byte();
    fields.set(code, read.value(read.signature()));
  }
  if (read.at !== end) throw new Malformed('fields beyond their end');
  const text = (code: number): string | undefined => { const value = fields.get(code); return typeof value === 'string' ? value : undefined; };
  const serial = fields.get(5);
  const start = bytes.length - bodyLength;
  return {
    type: bytes[1] === 2 ? 'return' : bytes[1] === 3 ? 'error' : 'other',
    replySerial: typeof serial === 'number' ? serial : undefined,
    sender: text(7),
    errorName: text(4),
    signature: text(8) ?? '',
    body: { bytes: bytes.subarray(start), littleEndian },
  };
}

/** The values of a body, one for each type. @throws Malformed */
export function decodeBody(signature: string, { bytes, littleEndian }: Body): readonly Value[] {
  const read = new Reader(bytes, littleEndian, 0);
  const values = (signature.match(/ay|./gs) ?? []).map((type) => read.value(type));
  if (read.at !== bytes.length) throw new Malformed('bytes behind the last value');
  return values;
}

function isLittleEndian(bytes: Buffer): boolean {
  if (bytes[0] === 0x6c) return true;
  if (bytes[0] === 0x42) return false; // 'B'
  throw new Malformed('no byte order');
}

function aligned(at: number, to: number): number {
  return Math.ceil(at / to) * to;
}

class Reader {
  readonly #bytes: Buffer;
  readonly #littleEndian: boolean;
  at: number;

  constructor(bytes: Buffer, littleEndian: boolean, at: number) {
    this.#bytes = bytes;
    this.#littleEndian = littleEndian;
    this.at = at;
  }

  align(to: number): void {
    this.at = aligned(this.at, to);
  }

  byte(): number {
    return this.#take(1)[0] ?? 0;
  }

  uint32(): number {
    this.align(4);
    const four = this.#take(4);
    return this.#littleEndian ? four.readUInt32LE() : four.readUInt32BE();
  }

  signature(): string {
    return this.#terminated(this.byte());
  }

  /** One value of a type that answers here have. A variant in a variant is none. */
  value(signature: string, inVariant = false): Value {
    if (signature === 's' || signature === 'o') return this.#terminated(this.uint32());
    if (signature === 'g') return this.signature();
    if (signature === 'u') return this.uint32();
    if (signature === 'ay') return Buffer.from(this.#take(this.uint32()));
    if (signature === 'v' && !inVariant) return this.value(this.signature(), true);
    throw new Malformed(`a value of type \`${signature.slice(0, 32)}\``);
  }

  #terminated(length: number): string {
    const text = this.#take(length);
    if (this.byte() !== 0 || text.includes(0)) throw new Malformed('text that does not end where it says');
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(text); // I11: strictly
    } catch {
      throw new Malformed('text that is not UTF-8');
    }
  }

  #take(length: number): Buffer {
    const end = this.at + length;
    if (end > this.#bytes.length) throw new Malformed('it ends too early');
    const piece = this.#bytes.subarray(this.at, end);
    this.at = end;
    return piece;
  }
}
