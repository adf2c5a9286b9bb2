import type { Fd } from '@portcullis/core';
import { AF_NETLINK, MSG_DONTWAIT, MSG_TRUNC, NETLINK_SOCK_DIAG, NLM_F_REQUEST, NLMSG_ERROR, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_RAW } from './constants.js';
import { EBADMSG, SysFailure } from './errno.js';
import { closeFd } from './file.js';
import { libc } from './libc.js';

/** `struct nlmsghdr` (linux/netlink.h): u32 length with itself, u16 type, u16 flags, u32 sequence, u32 port. */
const HEADER = 16;
/** An answer about one TCP socket has about 300 bytes; one that does not fit is refused whole (I11). */
const LARGEST = 8192;
const KERNEL = Buffer.alloc(12); // struct sockaddr_nl: u16 family, u16 padding, u32 port (0 is the kernel), u32 groups
KERNEL.writeUInt16LE(AF_NETLINK, 0);

const memory = Buffer.allocUnsafeSlow(LARGEST);
const sender = Buffer.allocUnsafeSlow(12);
const length = new Int32Array(1);

/** One for the process, in the network namespace that it has when it first asks. */
let open: Fd | undefined;
let sequence = 0;

/**
 * Sends one request to NETLINK_SOCK_DIAG and takes the one answer: the kernel makes it before the send returns. The payload is
 * lent: the next request overwrites it. EBADMSG: the answer is not of the form that is asked for.
 */
export function askSockDiag(type: number, payload: Uint8Array): Uint8Array | SysFailure {
  const fd = open ?? connected();
  if (fd instanceof SysFailure) return fd;
  open = fd;
  sequence = (sequence % 0x7fff_ffff) + 1;
  const request = encodeMessage(type, sequence, payload);
  if (libc().send(fd, request, request.length, 0) !== request.length) return dropped('send(NETLINK_SOCK_DIAG)', libc().errno());
  length[0] = sender.length;
  const size = libc().recvfrom(fd, memory, memory.length, MSG_DONTWAIT | MSG_TRUNC, sender, length);
  if (size < 0) return dropped('recvfrom(NETLINK_SOCK_DIAG)', libc().errno());
  const whole = size <= memory.length && length[0] === sender.length && sender.equals(KERNEL);
  const answer = whole ? decodeMessage(memory.subarray(0, size), type, sequence) : undefined;
  if (answer === undefined) return dropped('recvfrom(NETLINK_SOCK_DIAG)', EBADMSG);
  return typeof answer === 'number' ? new SysFailure('SOCK_DIAG_BY_FAMILY', answer) : answer;
}

/** Connected to the kernel, so that no process can send to it: the kernel answers such a sender ECONNREFUSED. */
function connected(): Fd | SysFailure {
  const fd = libc().socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);
  if (fd < 0) return new SysFailure('socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG)', libc().errno());
  if (libc().connect(fd, KERNEL, KERNEL.length) === 0) return fd as Fd;
  const failed = new SysFailure('connect(NETLINK_SOCK_DIAG)', libc().errno());
  closeFd(fd as Fd);
  return failed;
}

/** What is still queued would be taken for the answer to the next request: another socket is made for that. */
function dropped(call: string, errno: number): SysFailure {
  if (open !== undefined) closeFd(open);
  open = undefined;
  return new SysFailure(call, errno);
}

export function encodeMessage(type: number, number: number, payload: Uint8Array): Buffer {
  const message = Buffer.alloc(HEADER + payload.length);
  message.writeUInt32LE(message.length, 0);
  message.writeUInt16LE(type, 4);
  message.writeUInt16LE(NLM_F_REQUEST, 6);
  message.writeUInt32LE(number, 8);
  message.set(payload, HEADER);
  return message;
}

/** The payload of the one message that answers request `number`; an errno where the kernel refused it; undefined for anything else. */
export function decodeMessage(bytes: Buffer, type: number, number: number): Uint8Array | number | undefined {
  if (bytes.length < HEADER || bytes.readUInt32LE(0) !== bytes.length || bytes.readUInt32LE(8) !== number) return undefined;
  const kind = bytes.readUInt16LE(4);
  if (kind === type) return bytes.subarray(HEADER);
  // struct nlmsgerr: i32 error, then the request; 0 would acknowledge, which nobody asked for.
  if (kind !== NLMSG_ERROR || bytes.length < HEADER + 4) return undefined;
  const error = bytes.readInt32LE(HEADER);
  return error < 0 && error >= -4095 ? -error : undefined;
}
