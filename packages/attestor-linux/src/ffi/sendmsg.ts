import { endianness } from 'node:os';
import type { Fd } from '@portcullis/core';
import { MSG_DONTWAIT, MSG_NOSIGNAL, SCM_RIGHTS, SOL_SOCKET } from './constants.js';
import type { SysFailure } from './errno.js';
import { MessageMemory } from './recvmsg.js';

const LITTLE = endianness() === 'LE';
/** Of more bytes the first so many go out. */
const MOST_BYTES = 4096;
/** `struct cmsghdr` and an int, filled up to 8 (linux/socket.h, 64 bits): CMSG_SPACE and CMSG_LEN of four bytes. */
const CONTROL_BYTES = 24;
const CMSG_LEN = 20;

let memory: MessageMemory | undefined;

/**
 * `sendmsg(fd, …, MSG_DONTWAIT | MSG_NOSIGNAL)` with a descriptor beside the bytes: how many of them went out, and with the
 * first the descriptor. The receiver gets a duplicate of it: `passed` stays ours.
 */
export function sendWithDescriptor(fd: Fd, bytes: Uint8Array, passed: Fd): number | SysFailure {
  memory ??= new MessageMemory(MOST_BYTES, CONTROL_BYTES);
  const view = new DataView(memory.control.buffer);
  view.setBigUint64(0, BigInt(CMSG_LEN), LITTLE);
  view.setInt32(8, SOL_SOCKET, LITTLE);
  view.setInt32(12, SCM_RIGHTS, LITTLE);
  view.setInt32(16, passed, LITTLE);
  const piece = bytes.subarray(0, MOST_BYTES);
  memory.data.set(piece);
  return memory.send(fd, piece.byteLength, MSG_DONTWAIT | MSG_NOSIGNAL);
}
