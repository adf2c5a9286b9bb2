import { endianness } from 'node:os';
import type { Fd } from '@portcullis/core';
import { SCM_CREDENTIALS, SCM_PIDFD, SCM_RIGHTS, SCM_SECURITY, SOL_SOCKET } from './constants.js';
import { SysFailure } from './errno.js';
import { closeFd } from './file.js';
import type { Ucred } from './sockopt.js';

/** What the kernel says beside the bytes of one message. The descriptors are ours to close. */
export interface ControlMessages {
  /** SCM_CREDENTIALS: of the sender when it sent. Real ids, where the sender chose no other of its own. */
  readonly credentials: Ucred | undefined;
  /** SCM_SECURITY: the label's bytes; some modules end it with a NUL. */
  readonly label: Uint8Array | undefined;
  /** SCM_PIDFD; the failure where the kernel could not make one, which it says as a negative errno. */
  readonly pidfd: Fd | SysFailure | undefined;
  /** SCM_RIGHTS: every descriptor that was sent and installed, also under MSG_CTRUNC. */
  readonly rights: readonly Fd[];
  /** The bytes have not the form of control messages, or one has not the size of its type: nothing of it is to be believed. */
  readonly malformed: boolean;
}

const LITTLE = endianness() === 'LE';
/** `struct cmsghdr` (linux/socket.h, 64 bits): size_t cmsg_len with the header, int level, int type. */
const HEADER_BYTES = 16;
const UCRED_BYTES = 12;
const INT_BYTES = 4;
const EACH = 8; // CMSG_ALIGN

/**
 * Reads the first `length` bytes of `control` as control messages. Pure, and never reads beyond. Messages of other levels
 * and types are passed over.
 */
export function parseControl(control: Uint8Array, length: number): ControlMessages {
  const end = Math.min(length, control.byteLength);
  const view = new DataView(control.buffer, control.byteOffset, end);
  const found: Found = { credentials: undefined, label: undefined, pidfd: undefined, rights: [], malformed: false };
  for (let at = 0; at + HEADER_BYTES <= end; ) {
    const size = view.getBigUint64(at, LITTLE);
    if (size < BigInt(HEADER_BYTES) || size > BigInt(end - at)) {
      found.malformed = true;
      return found;
    }
    const data = new DataView(view.buffer, view.byteOffset + at + HEADER_BYTES, Number(size) - HEADER_BYTES);
    if (view.getInt32(at + 8, LITTLE) === SOL_SOCKET) take(found, view.getInt32(at + 12, LITTLE), data);
    at += Math.ceil(Number(size) / EACH) * EACH;
  }
  return found;
}

type Found = { -readonly [Name in keyof ControlMessages]: ControlMessages[Name] } & { rights: Fd[] };

function take(found: Found, type: number, data: DataView): void {
  if (type === SCM_RIGHTS) {
    if (data.byteLength % INT_BYTES !== 0) found.malformed = true;
    for (let at = 0; at + INT_BYTES <= data.byteLength; at += INT_BYTES) takeDescriptor(found, data.getInt32(at, LITTLE));
  } else if (type === SCM_PIDFD) {
    if (data.byteLength !== INT_BYTES) found.malformed = true;
    else takePidfd(found, data.getInt32(0, LITTLE));
  } else if (type === SCM_CREDENTIALS) {
    if (data.byteLength !== UCRED_BYTES || found.credentials !== undefined) found.malformed = true;
    else found.credentials = { pid: data.getInt32(0, LITTLE), uid: data.getUint32(4, LITTLE), gid: data.getUint32(8, LITTLE) };
  } else if (type === SCM_SECURITY) {
    if (found.label !== undefined) found.malformed = true;
    // A copy: the memory is used again for the next message.
    else found.label = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  }
}

function takeDescriptor(found: Found, fd: number): void {
  if (fd >= 0) found.rights.push(fd as Fd);
  else found.malformed = true;
}

function takePidfd(found: Found, fd: number): void {
  if (found.pidfd !== undefined) {
    found.malformed = true;
    if (fd >= 0) found.rights.push(fd as Fd); // closed with the others
  } else {
    found.pidfd = fd >= 0 ? (fd as Fd) : new SysFailure('SCM_PIDFD', -fd);
  }
}

/** Closes every descriptor that came along: what was sent, and the pidfd unless it is taken over. */
export function closeReceived(received: ControlMessages, keepPidfd = false): void {
  for (const fd of received.rights) closeFd(fd);
  if (!keepPidfd && typeof received.pidfd === 'number') closeFd(received.pidfd);
}
