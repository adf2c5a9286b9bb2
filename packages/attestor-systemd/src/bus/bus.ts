import type { AttestorHost } from '@portcullis/core';
import { authenticate, type Authenticated } from './authenticate.js';
import { BusFailure } from './failure.js';
import { encodeCall, type Call } from './marshal.js';
import { decodeBody, decodeMessage, Malformed, messageLength, type Message, type Value } from './unmarshal.js';

export const BUS = 'org.freedesktop.DBus';
const BUS_PATH = '/org/freedesktop/DBus';
/** Calls that wait for an answer. */
const MOST_PENDING = 1024;

/** What a call got: values, or the name of an error, such as `org.freedesktop.systemd1.NoUnitForPID`. */
export type Answer = { readonly values: readonly Value[] } | { readonly error: string };

/** A connection that the platform verified. */
export type Stream = Awaited<ReturnType<AttestorHost['connect']>>;

/** Writes a message with a descriptor beside it; false where it cannot, and wrote nothing. */
export type WriteBeside = (socket: Stream, bytes: Uint8Array) => boolean;

interface Pending {
  readonly from: string;
  readonly signature: string;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (failure: BusFailure) => void;
}

/** One connection to a message bus. The stream's other end was verified before; here nothing of it is believed but its shape. */
export class Bus {
  readonly #socket: Stream;
  readonly #passesDescriptors: boolean;
  readonly #pending = new Map<number, Pending>();
  #serial = 0;
  #rest: Buffer;
  #ended: BusFailure | undefined;

  private constructor(socket: Stream, { rest, passesDescriptors }: Authenticated) {
    this.#socket = socket;
    this.#rest = rest;
    this.#passesDescriptors = passesDescriptors;
    socket.on('data', (some: Buffer) => { this.#read(some); });
    const ended = (): void => { this.end(new BusFailure('the bus ended the connection')); };
    socket.on('error', ended).on('end', ended).on('close', ended);
    socket.resume();
  }

  /** Authenticates and says hello. The stream is the bus's from now on. @throws BusFailure */
  static async open(socket: Stream, uid: number): Promise<Bus> {
    socket.on('error', () => undefined); // before and after: an error always has a listener
    try {
      const bus = new Bus(socket, await authenticate(socket, uid));
      await bus.askBus('Hello', [], 's');
      return bus;
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  get isOpen(): boolean {
    return this.#ended === undefined;
  }

  /** Asks the bus itself. @throws BusFailure */
  askBus(member: string, args: Call['args'], signature: string): Promise<Answer> {
    return this.call({ destination: BUS, path: BUS_PATH, interface: BUS, member, args }, signature);
  }

  /** `signature` is what the answer has to be of. @throws BusFailure */
  call(call: Omit<Call, 'serial'>, signature: string): Promise<Answer> {
    const write = (socket: Stream, bytes: Uint8Array): true => { socket.write(bytes); return true; };
    return this.#call(call, signature, write) ?? Promise.reject(new BusFailure('nothing could be written'));
  }

  /** A call with DESCRIPTOR among its arguments. Undefined, and nothing was sent, where that cannot be. @throws BusFailure */
  callWith(write: WriteBeside, call: Omit<Call, 'serial'>, signature: string): Promise<Answer> | undefined {
    return this.#passesDescriptors ? this.#call(call, signature, write) : undefined;
  }

  #call(call: Omit<Call, 'serial'>, signature: string, write: WriteBeside): Promise<Answer> | undefined {
    if (this.#ended !== undefined || this.#pending.size >= MOST_PENDING) return Promise.reject(this.#ended ?? new BusFailure('too many calls wait for the bus', 'limit'));
    const serial = this.#serial === 0xffff_ffff ? 1 : this.#serial + 1;
    if (!write(this.#socket, encodeCall({ ...call, serial }))) return undefined;
    this.#serial = serial;
    return new Promise((resolve, reject) => { this.#pending.set(serial, { from: call.destination, signature, resolve, reject }); });
  }

  /** Ends the connection; what waits for an answer gets none. Idempotent. */
  end(failure: BusFailure): void {
    if (this.#ended !== undefined) return;
    this.#ended = failure;
    this.#rest = Buffer.alloc(0);
    this.#socket.destroy();
    for (const { reject } of this.#pending.values()) reject(failure);
    this.#pending.clear();
  }

  #read(some: Buffer): void {
    if (this.#ended !== undefined) return;
    try {
      this.#rest = this.#rest.length === 0 ? some : Buffer.concat([this.#rest, some]);
      for (;;) {
        const length = messageLength(this.#rest);
        if (length === undefined || this.#rest.length < length) return;
        const message = decodeMessage(this.#rest.subarray(0, length));
        this.#rest = this.#rest.subarray(length);
        this.#settle(message);
      }
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      this.end(new BusFailure(`the bus sent what is no message: ${error.message}`, 'undecodable'));
    }
  }

  #settle({ type, replySerial, sender, errorName, signature, body }: Message): void {
    const pending = replySerial === undefined || type === 'other' ? undefined : this.#pending.get(replySerial);
    if (pending === undefined || replySerial === undefined) return; // a signal, or an answer that nobody waits for any more
    if (sender !== pending.from && sender !== BUS) return; // somebody else answers
    this.#pending.delete(replySerial);
    if (type === 'error') pending.resolve({ error: errorName ?? '' });
    else if (signature !== pending.signature) throw new Malformed(`an answer of type \`${signature.slice(0, 32)}\``);
    else pending.resolve({ values: decodeBody(signature, body) });
  }
}
