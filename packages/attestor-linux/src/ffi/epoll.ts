import type { Fd } from '@portcullis/core';
import { EINTR, SysFailure } from './errno.js';
import { libc } from './libc.js';

/** linux/eventpoll.h; EPOLL_CLOEXEC is O_CLOEXEC. */
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;
const EPOLL_CLOEXEC = 0o2000000;
const EPOLLIN = 1;
const EPOLLONESHOT = 1 << 30;

/** `struct epoll_event`: u32 events, u64 data; packed on x86_64 alone, for its sake with 32-bit programs. */
const SIZE = process.arch === 'x64' ? 12 : 16;
const DATA = SIZE - 8;
const MOST_EVENTS = 128;

const one = Buffer.alloc(SIZE);

/** `epoll_create1(EPOLL_CLOEXEC)`; the descriptor is the caller's to close. */
export function epollCreate(): Fd | SysFailure {
  const fd = libc().epoll_create1(EPOLL_CLOEXEC);
  return fd < 0 ? new SysFailure('epoll_create1(EPOLL_CLOEXEC)', libc().errno()) : (fd as Fd);
}

/**
 * Tells of `fd` once, when it becomes readable, by `id`: a safe integer, never a descriptor, whose number may be another's
 * by then. Any thread may wait meanwhile. Closing the last descriptor of the file removes it.
 */
export function epollAddOnce(epoll: Fd, fd: Fd, id: number): SysFailure | undefined {
  return control(epoll, EPOLL_CTL_ADD, 'EPOLL_CTL_ADD', fd, id);
}

/** Tells of `fd` once more: at once, where it is readable already. */
export function epollArm(epoll: Fd, fd: Fd, id: number): SysFailure | undefined {
  return control(epoll, EPOLL_CTL_MOD, 'EPOLL_CTL_MOD', fd, id);
}

/** Before `fd` is closed, where somebody else may hold the same file open. */
export function epollRemove(epoll: Fd, fd: Fd): void {
  control(epoll, EPOLL_CTL_DEL, 'EPOLL_CTL_DEL', fd, 0);
}

function control(epoll: Fd, operation: number, name: string, fd: Fd, id: number): SysFailure | undefined {
  one.writeUInt32LE((EPOLLIN | EPOLLONESHOT) >>> 0, 0);
  one.writeBigUInt64LE(BigInt(id), DATA);
  if (libc().epoll_ctl(epoll, operation, fd, one) === 0) return undefined;
  return new SysFailure(`epoll_ctl(${String(epoll)}, ${name}, ${String(fd)})`, libc().errno());
}

/** Waits, blocking this thread, until something is readable, and gives the ids of what is; none when `timeoutMs` are over. */
export function epollWait(epoll: Fd, timeoutMs = -1): readonly number[] | SysFailure {
  const events = Buffer.alloc(SIZE * MOST_EVENTS);
  for (;;) {
    const count = libc().epoll_wait(epoll, events, MOST_EVENTS, timeoutMs);
    if (count >= 0) return Array.from({ length: count }, (_, at) => Number(events.readBigUInt64LE(at * SIZE + DATA)));
    const errno = libc().errno();
    if (errno !== EINTR) return new SysFailure(`epoll_wait(${String(epoll)})`, errno);
  }
}
