import type { Fd, Pid } from '@portcullis/core';
import { EV_ADD, EV_DELETE, EV_ERROR, EV_ONESHOT, EV_RECEIPT, EVFILT_PROC, NOTE_EXIT } from './constants.js';
import { SysFailure } from './errno.js';
import { decodeKevent, encodeKevent, KEVENT_SIZE, type Kevent } from './layout.js';
import type { Libc } from './libc.js';

const MOST_EVENTS = 64;
const change = new Uint8Array(KEVENT_SIZE);
const events = new Uint8Array(KEVENT_SIZE * MOST_EVENTS);
/** `struct timespec` of zero: look, and do not wait. */
const AT_ONCE = new Uint8Array(16);

/** `kqueue()`: a new descriptor, ours to close. Never inherited by a child (bsd/kern/kern_event.c). */
export function openQueue(libc: Libc): Fd | SysFailure {
  const fd = libc.kqueue();
  return fd < 0 ? new SysFailure('kqueue()', libc.errno()) : (fd as Fd);
}

/** `kevent(EV_ADD, EVFILT_PROC, NOTE_EXIT)`: any process may be watched. ESRCH when it is gone. */
export function addProcess(libc: Libc, queue: Fd, pid: Pid): SysFailure | undefined {
  return applyChange(libc, queue, { ident: pid, filter: EVFILT_PROC, flags: EV_ADD | EV_ONESHOT | EV_RECEIPT, filterFlags: NOTE_EXIT, data: 0 });
}

/** `kevent(EV_DELETE, EVFILT_PROC)`: ENOENT when it has fired already. */
export function deleteProcess(libc: Libc, queue: Fd, pid: Pid): SysFailure | undefined {
  return applyChange(libc, queue, { ident: pid, filter: EVFILT_PROC, flags: EV_DELETE | EV_RECEIPT, filterFlags: 0, data: 0 });
}

/** What happened since, at most 64 at once, without waiting. */
export function takeEvents(libc: Libc, queue: Fd): readonly Kevent[] | SysFailure {
  const count = libc.kevent(queue, null, 0, events, MOST_EVENTS, AT_ONCE);
  if (count < 0) return new SysFailure(`kevent(${String(queue)})`, libc.errno());
  return Array.from({ length: count }, (_, index) => decodeKevent(events.subarray(index * KEVENT_SIZE, (index + 1) * KEVENT_SIZE)));
}

/** With EV_RECEIPT the answer to a change is an event of its own: EV_ERROR, and in `data` an errno or 0. */
function applyChange(libc: Libc, queue: Fd, wanted: Kevent): SysFailure | undefined {
  const call = `kevent(${String(queue)}, EVFILT_PROC ${String(wanted.ident)})`;
  encodeKevent(change, wanted);
  if (libc.kevent(queue, change, 1, events, 1, AT_ONCE) < 0) return new SysFailure(call, libc.errno());
  const { flags, data } = decodeKevent(events.subarray(0, KEVENT_SIZE));
  return (flags & EV_ERROR) !== 0 && data !== 0 ? new SysFailure(call, data) : undefined;
}
