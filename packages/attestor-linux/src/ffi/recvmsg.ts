import type { Fd } from '@portcullis/core';
import { EINTR, SysFailure } from './errno.js';
import { libc } from './libc.js';

/**
 * Memory for recvmsg(2) and sendmsg(2), used again for each message: `struct msghdr`, 56 bytes, and one `struct iovec`, 16 bytes
 * (linux/socket.h, linux/uio.h, 64 bits). All of it is outside V8's heap, so that the addresses in it stay true.
 */
export class MessageMemory {
  /** What the last call filled of these is said by its answer; the rest is left over from earlier messages. */
  readonly data: Uint8Array;
  readonly control: Uint8Array;
  readonly #header = new BigUint64Array(new ArrayBuffer(HEADER_BYTES + IOVEC_BYTES));
  readonly #flags = new Int32Array(this.#header.buffer, FLAGS_AT, 1);

  constructor(dataBytes: number, controlBytes: number) {
    this.data = new Uint8Array(new ArrayBuffer(dataBytes));
    this.control = new Uint8Array(new ArrayBuffer(controlBytes));
    // msg_name (words 0 and 1) stays null: a sender's address is a text of its own choosing.
    this.#header[IOV] = libc().addressOf(this.#header) + BigInt(HEADER_BYTES);
    this.#header[IOV_COUNT] = 1n;
    this.#header[CONTROL] = libc().addressOf(this.control);
    this.#header[IOV_BASE] = libc().addressOf(this.data);
  }

  /** `recvmsg(fd, header, flags)`: how many bytes of `data` it filled, 0 at the end of a connection and of an empty message. */
  receive(fd: Fd, flags: number): number | SysFailure {
    return this.#call('recvmsg', fd, this.data.byteLength, flags);
  }

  /** `sendmsg(fd, header, flags)`: sends the first `size` bytes of `data`, with all of `control` beside them; how many went out. */
  send(fd: Fd, size: number, flags: number): number | SysFailure {
    return this.#call('sendmsg', fd, size, flags);
  }

  #call(name: 'recvmsg' | 'sendmsg', fd: Fd, dataBytes: number, flags: number): number | SysFailure {
    for (;;) {
      this.#header[IOV_SIZE] = BigInt(dataBytes);
      this.#header[CONTROL_SIZE] = BigInt(this.control.byteLength);
      this.#flags[0] = 0;
      const size = libc()[name](fd, this.#header, flags);
      if (size >= 0) return size;
      const errno = libc().errno();
      if (errno !== EINTR) return new SysFailure(`${name}(${String(fd)})`, errno);
    }
  }

  /** How many bytes of `control` the last call filled. */
  get controlSize(): number {
    return Number(this.#header[CONTROL_SIZE]);
  }

  /** What the last call said: MSG_TRUNC, MSG_CTRUNC. */
  get flags(): number {
    return this.#flags[0] ?? 0;
  }
}

const HEADER_BYTES = 56;
const IOVEC_BYTES = 16;
/** Offsets in words of 8 bytes: msg_iov 16, msg_iovlen 24, msg_control 32, msg_controllen 40, then the iovec. */
const IOV = 2;
const IOV_COUNT = 3;
const CONTROL = 4;
const CONTROL_SIZE = 5;
const IOV_BASE = 7;
const IOV_SIZE = 8;
/** msg_flags, in bytes. */
const FLAGS_AT = 48;
