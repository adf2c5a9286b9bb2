import type { Fd } from '@portcullis/core';
import { AF_INET, AF_INET6 } from './constants.js';
import { EINVAL, SysFailure } from './errno.js';
import { libc } from './libc.js';

/** One end of a TCP connection. */
export interface Endpoint {
  /** 16 bytes in network order: an IPv4 address is kept in its mapped form, `::ffff:127.0.0.1`, whichever way it came. */
  readonly address: Buffer;
  readonly port: number;
}

/** `struct sockaddr_in` has 16 bytes, `sockaddr_in6` 28 (linux/in.h, linux/in6.h); the rest of a longer answer is not wanted. */
const memory = Buffer.allocUnsafeSlow(128);
const length = new Int32Array(1);
const MAPPED = Buffer.from('00000000000000000000ffff', 'hex');
const ONE = Buffer.from('00000000000000000000000000000001', 'hex');
const V4_LOOPBACK = 127;

/** `getsockname(fd)`: the end that is ours. */
export function getSockName(fd: Fd): Endpoint | SysFailure {
  return name(fd, 'getsockname');
}

/** `getpeername(fd)`: the other end; ENOTCONN once the connection was reset. */
export function getPeerName(fd: Fd): Endpoint | SysFailure {
  return name(fd, 'getpeername');
}

function name(fd: Fd, call: 'getsockname' | 'getpeername'): Endpoint | SysFailure {
  length[0] = memory.length;
  if (libc()[call](fd, memory, length) !== 0) return new SysFailure(`${call}(${String(fd)})`, libc().errno());
  return decodeSockaddr(memory.subarray(0, Math.max(0, Math.min(length[0], memory.length)))) ?? new SysFailure(`${call}(${String(fd)})`, EINVAL);
}

/** An AF_INET or AF_INET6 address, or undefined. The family is in the host's order, port and address in the network's. */
export function decodeSockaddr(bytes: Buffer): Endpoint | undefined {
  if (bytes.length < 2) return undefined;
  const family = bytes.readUInt16LE(0); // every architecture in constants.ts is little-endian
  if (family === AF_INET && bytes.length === 16) return { port: bytes.readUInt16BE(2), address: mapped(bytes.subarray(4, 8)) };
  if (family === AF_INET6 && bytes.length === 28) return { port: bytes.readUInt16BE(2), address: Buffer.from(bytes.subarray(8, 24)) };
  return undefined;
}

/** The mapped form of the four bytes of an IPv4 address. */
export function mapped(v4: Uint8Array): Buffer {
  return Buffer.concat([MAPPED, v4]);
}

export function isMapped({ address }: Endpoint): boolean {
  return address.compare(MAPPED, 0, MAPPED.length, 0, MAPPED.length) === 0;
}

/** 127.0.0.0/8, mapped or not, and ::1. */
export function isLoopback(endpoint: Endpoint): boolean {
  return isMapped(endpoint) ? endpoint.address[12] === V4_LOOPBACK : endpoint.address.equals(ONE);
}

export function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return a.port === b.port && a.address.equals(b.address);
}

/** `127.0.0.1:8080`, `[0:0:0:0:0:0:0:1]:8080`. */
export function formatEndpoint(endpoint: Endpoint): string {
  const { address, port } = endpoint;
  if (isMapped(endpoint)) return `${address.subarray(12).join('.')}:${String(port)}`;
  const groups = Array.from({ length: 8 }, (_, at) => address.readUInt16BE(at * 2).toString(16));
  return `[${groups.join(':')}]:${String(port)}`;
}
