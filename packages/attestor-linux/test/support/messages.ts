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
 * A python3 program that others pass a connection to, and that has nothing else to do with them: says `listens`, and at a line of its
 * standard input takes the descriptor, writes `stranger` to it, and says `wrote`.
 */
export function friend(name: string): readonly string[] {
  return ['-c', `
import array, socket, sys
door = socket.socket(socket.AF_UNIX)
door.bind("\\0" + ${JSON.stringify(name)})
door.listen()
print("listens", flush=True)
at, _ = door.accept()
sys.stdin.readline()
_, control, _, _ = at.recvmsg(1, socket.CMSG_SPACE(4))
passed = socket.socket(fileno=array.array("i", control[0][2])[0])
passed.sendall(b"stranger")
print("wrote", flush=True)
sys.stdin.readline()`];
}

/** What passes the connection `s` of a `sender` on to a friend, and says `passed`. */
export function passTo(name: string): string {
  return `
to = socket.socket(socket.AF_UNIX)
to.connect("\\0" + ${JSON.stringify(name)})
to.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [s.fileno()]).tobytes())])
print("passed", flush=True)`;
}

/** As a user whom nobody trusts: root of a user and a pid namespace of its own, in which it is pid 1. */
export const IN_ITS_OWN_NAMESPACES = ['/usr/bin/unshare', '-U', '-r', '-p', '-f'];

/** Has a child of who has the connection `s`, itself pid 1 of its namespace, write `claimed` to it in the name of its parent, which the kernel confirms. */
export const CLAIM = `
if os.fork() == 0:
    s.sendmsg([b"claimed"], [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, struct.pack("3i", 1, 0, 0))]); os._exit(0)
os.wait()
`;

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
