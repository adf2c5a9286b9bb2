/** The one descriptor that is sent beside a message. */
export const DESCRIPTOR = Symbol('h');
/** A value of a call's arguments: text (`s`), a number (`u`), or what is sent beside it (`h`). */
export type Argument = string | number | typeof DESCRIPTOR;

/** A method call, as the D-Bus specification lays it out ("Message Format"). */
export interface Call {
  readonly serial: number;
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly args: readonly Argument[];
}

const METHOD_CALL = 1;
/** A service that does not run is not started because somebody connected to us. */
const NO_AUTO_START = 2;
const FIELD = { path: 1, interface: 2, member: 3, destination: 6, signature: 8, descriptors: 9 } as const;

/** Little-endian, whatever the machine: the receiver goes by the first byte. */
export function encodeCall({ serial, destination, path, interface: iface, member, args }: Call): Buffer {
  const body = new Writer();
  for (const arg of args) {
    if (typeof arg === 'string') body.text(arg);
    else body.uint32(arg === DESCRIPTOR ? 0 : arg); // by its place among those beside the message
  }
  const head = new Writer();
  head.bytes(Buffer.from([0x6c, METHOD_CALL, NO_AUTO_START, 1])); // 'l', type, flags, version
  head.uint32(body.length);
  head.uint32(serial);
  const fields = new Writer();
  fields.field(FIELD.path, 'o', path);
  fields.field(FIELD.interface, 's', iface);
  fields.field(FIELD.member, 's', member);
  fields.field(FIELD.destination, 's', destination);
  if (args.length > 0) fields.signatureField(FIELD.signature, args.map((arg) => (typeof arg === 'string' ? 's' : arg === DESCRIPTOR ? 'h' : 'u')).join(''));
  if (args.includes(DESCRIPTOR)) fields.uint32Field(FIELD.descriptors, 1);
  head.uint32(fields.length); // the array of fields begins at 16, aligned for its structs as it is
  head.bytes(fields.take());
  head.align(8);
  return Buffer.concat([head.take(), body.take()]);
}

class Writer {
  readonly #parts: Buffer[] = [];
  length = 0;

  bytes(bytes: Buffer): void {
    this.#parts.push(bytes);
    this.length += bytes.length;
  }

  align(to: number): void {
    const rest = this.length % to;
    if (rest !== 0) this.bytes(Buffer.alloc(to - rest));
  }

  uint32(value: number): void {
    this.align(4);
    const four = Buffer.alloc(4);
    four.writeUInt32LE(value);
    this.bytes(four);
  }

  text(value: string): void {
    const bytes = Buffer.from(`${value}\0`);
    this.uint32(bytes.length - 1);
    this.bytes(bytes);
  }

  field(code: number, type: 'o' | 's', value: string): void {
    this.align(8);
    this.bytes(Buffer.from([code, 1, type.charCodeAt(0), 0]));
    this.text(value);
  }

  signatureField(code: number, value: string): void {
    this.align(8);
    this.bytes(Buffer.from([code, 1, 0x67, 0, value.length, ...Buffer.from(value), 0])); // 'g'
  }

  uint32Field(code: number, value: number): void {
    this.align(8);
    this.bytes(Buffer.from([code, 1, 0x75, 0])); // 'u'
    this.uint32(value);
  }

  take(): Buffer {
    return Buffer.concat(this.#parts);
  }
}
