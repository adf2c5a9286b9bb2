import { Socket } from './gate.js';
import type { HandoffListener, HandoffReader } from './handoff.js';
import type { PeerRefusal } from './peer.js';

/** Makes the only reader of a connection. */
export type OpenReader = (listener: HandoffListener) => HandoffReader;

/**
 * What an application has of a connection under `handoff: deny`: it reads what the connector sent, chunk by chunk with its
 * sender, and writes to the connection itself. It has no handle, so that nothing can read past it natively: Node's http,
 * http2 and tls servers take such a stream as they take any Duplex.
 */
export class HandoffSocket extends Socket {
  readonly #wire: Socket;
  readonly #reader: HandoffReader;
  /** Called once its reader is closed. No listener of `close`: applications take those away. */
  readonly #closed: () => void;
  #wantsMore = false;
  #size = 0;
  #foreign: ((refusal: PeerRefusal) => void) | undefined;

  /** Owns `wire`, of which nothing was read and nothing is. Throws what `open` throws; the wire is then the caller's still. */
  constructor(wire: Socket, open: OpenReader, closed: () => void) {
    super({ allowHalfOpen: wire.allowHalfOpen });
    this.#wire = wire;
    this.#closed = closed;
    this.#reader = open({
      bytes: (bytes) => this.#take(bytes),
      ended: () => { this.push(null); },
      revoked: (refusal) => { this.#revoked(refusal); },
      failed: (error) => { this.destroy(error instanceof Error ? error : new Error(String(error))); },
    });
    this.#reader.pause();
    // As Node leaves a socket that it accepted paused: the first consumer, or the gate, starts it.
    (this as { readableFlowing: boolean | null }).readableFlowing = false;
    Object.defineProperty(this, 'bytesRead', { get: () => this.#size });
    Object.defineProperty(this, 'bytesWritten', { get: () => wire.bytesWritten });
    // A socket without a handle is waited for to connect, by Node's TLS: it is connected already.
    this.on('newListener', (event, listener: (...args: unknown[]) => void) => {
      if (event === 'connect') process.nextTick(() => { listener.call(this); });
    });
    wire.on('error', (error) => { this.destroy(error); });
    wire.on('close', () => { this.destroy(); });
  }

  /** What another process sent is thrown away, and this is told: nothing more is read. Called by the gate alone. */
  whenForeign(tell: (refusal: PeerRefusal) => void): void {
    this.#foreign = tell;
  }

  override ref(): this {
    this.#wire.ref();
    this.#reader.keepAlive(true);
    return this;
  }

  override unref(): this {
    this.#wire.unref();
    this.#reader.keepAlive(false);
    return this;
  }

  override _read(): void {
    this.#wantsMore = true;
    this.#reader.resume();
  }

  override _write(chunk: Uint8Array | string, encoding: BufferEncoding, written: (error?: Error | null) => void): void {
    this.#restartTimeout();
    this.#wire.write(chunk, encoding, written);
  }

  override _writev(chunks: readonly { readonly chunk: Uint8Array | string; readonly encoding: BufferEncoding }[], written: (error?: Error | null) => void): void {
    this.#restartTimeout();
    this.#wire.cork();
    chunks.forEach(({ chunk, encoding }, n) => { this.#wire.write(chunk, encoding, n === chunks.length - 1 ? written : undefined); });
    this.#wire.uncork();
  }

  override _final(finished: (error?: Error | null) => void): void {
    this.#wire.end(finished);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#reader.close();
    this.#closed();
    this.#wire.destroy();
    super._destroy(error, done);
  }

  #take(bytes: Uint8Array): boolean {
    this.#size += bytes.length;
    this.#restartTimeout();
    this.#wantsMore = false;
    // A consumer that reads at once may ask for more before `push` says that it is full.
    return this.push(bytes) || this.#wantsMore;
  }

  #revoked(refusal: PeerRefusal): void {
    if (this.#foreign === undefined) this.destroy();
    else this.#foreign(refusal);
  }

  /** An idle timeout begins anew. */
  #restartTimeout(): void {
    if (this.timeout !== undefined && this.timeout > 0) this.setTimeout(this.timeout);
  }
}
