import assert from 'node:assert/strict';
import { closeSync, writeSync } from 'node:fs';
import type { Fd } from '@portcullis/core';
import { AF_UNIX, SOCK_CLOEXEC, SOCK_DGRAM } from '../../dist/ffi/constants.js';
import { libc } from '../../dist/ffi/libc.js';
import { socketAddressOf } from '../listen/scratch.js';

/** Descriptors of a test, closed after it. */
export class Descriptors {
  readonly #opened: number[] = [];

  /** A socket that is bound to `path`, prepared before it is. */
  bound(path: string, type: number, prepare: (fd: Fd) => unknown = () => undefined): Fd {
    const fd = libc().socket(AF_UNIX, type | SOCK_CLOEXEC, 0) as Fd;
    assert.ok(fd >= 0);
    this.#opened.push(fd);
    assert.equal(prepare(fd), undefined);
    const address = socketAddressOf(path);
    assert.equal(libc().bind(fd, address, address.length), 0);
    return fd;
  }

  pair(type: number): readonly [Fd, Fd] {
    const fds = new Int32Array(2);
    assert.equal(libc().socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds), 0);
    this.#opened.push(...fds);
    return [fds[0] as Fd, fds[1] as Fd];
  }

  /** It was given away. */
  forget(fd: Fd): void {
    this.#opened.splice(this.#opened.indexOf(fd), 1);
  }

  /** Sends a datagram as this very process. */
  sendFrom(path: string): void {
    const fd = libc().socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) as Fd;
    this.#opened.push(fd);
    const address = socketAddressOf(path);
    assert.equal(libc().connect(fd, address, address.length), 0);
    writeSync(fd, 'own');
  }

  closeOne(fd: Fd): void {
    this.#opened.splice(this.#opened.indexOf(fd), 1);
    closeSync(fd);
  }

  close(): void {
    for (const fd of this.#opened.splice(0)) closeSync(fd);
  }
}

/**
 * A python3 program that sends: `s` is a socket of `kind` that is connected to `path`, `rights(n)` is an ancillary item of
 * `n` descriptors. Its own process each, so that the kernel names it.
 */
export function sender(path: string, kind: 'SOCK_DGRAM' | 'SOCK_SEQPACKET' | 'SOCK_STREAM', body: string): readonly string[] {
  return ['-c', `
import array, os, socket, struct, sys, time
def rights(n): return (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [0] * n).tobytes())
s = socket.socket(socket.AF_UNIX, socket.${kind})
s.connect(${JSON.stringify(path)})
${body}`];
}
