import {
  AF_INET, AF_INET6, INET_DIAG_CGROUP_ID, IPPROTO_TCP, LOOPBACK_IFINDEX, SOCK_DIAG_BY_FAMILY,
} from '../ffi/constants.js';
import { EBADMSG, ENOENT, SysFailure } from '../ffi/errno.js';
import { askSockDiag } from '../ffi/netlink.js';
import { isMapped, mapped, sameEndpoint, type Endpoint } from '../ffi/sockaddr.js';
import { asBuffer } from '../proc/decode.js';

/** What the kernel says of one TCP socket. */
export interface TcpSocket {
  /** net/tcp_states.h: TCP_ESTABLISHED is 1. */
  readonly state: number;
  /** The file system user id of who made the socket; 0, like the inode, where nobody holds it any more. */
  readonly uid: number;
  /** As `socket:[INODE]` of /proc spells it: 32 bits, which come round again. 0: nobody holds it. */
  readonly inode: number;
  /** Unlike the inode, never used again before the next boot. */
  readonly cookie: bigint;
  /** The version 2 cgroup in which it was made; undefined where the kernel does not say (before 5.8). */
  readonly cgroupId: bigint | undefined;
}

/** A client's end, and what it is found by again. */
export interface ClientSocket extends TcpSocket {
  /** The client's end, which is remote to us, and ours. */
  readonly there: Endpoint;
  readonly here: Endpoint;
}

/** Whether some process still holds that very socket. */
export function isStillHeld({ there, here, cookie }: ClientSocket): boolean {
  const now = findSocket(there, here, cookie);
  return !(now instanceof SysFailure) && now.cookie === cookie && now.inode !== 0;
}

/** `struct inet_diag_req_v2` (linux/inet_diag.h, 3.3): u8 family, protocol, ext, padding; u32 states; the socket's id at 8. */
const REQUEST = 56;
/** `struct inet_diag_msg`: u8 family, state, timer, retransmits; the id at 4; u32 expires 52, queues 56 and 60, uid 64, inode 68. */
const ANSWER = 72;
/** `struct inet_diag_sockid`: be16 source and destination port, their addresses at 4 and 20, u32 device 36, u32 cookie[2] 40. */
const SOCKET_ID = { sourcePort: 0, destinationPort: 2, source: 4, destination: 20, device: 36, cookie: 40 } as const;
const ID_IN_REQUEST = 8;
const ID_IN_ANSWER = 4;
const ATTRIBUTE_HEADER = 4;

/**
 * The socket in our network namespace that is bound to `local` and connected to `remote`, by one exact query. ENOENT: there
 * is none. With a `cookie` only that very socket: ESTALE for another.
 */
export function findSocket(local: Endpoint, remote: Endpoint, cookie?: bigint): TcpSocket | SysFailure {
  const answer = askSockDiag(SOCK_DIAG_BY_FAMILY, encodeQuery(local, remote, cookie));
  if (answer instanceof SysFailure) return answer;
  const socket = decodeAnswer(answer, local, remote);
  if (typeof socket === 'object') return socket;
  return new SysFailure('SOCK_DIAG_BY_FAMILY', socket === 'another' ? ENOENT : EBADMSG);
}

/** Without options: uid, inode, cookie and cgroup come unasked. */
export function encodeQuery(local: Endpoint, remote: Endpoint, cookie?: bigint): Buffer {
  const v4 = isMapped(local) && isMapped(remote);
  const query = Buffer.alloc(REQUEST);
  query[0] = v4 ? AF_INET : AF_INET6;
  query[1] = IPPROTO_TCP;
  query.writeUInt32LE(0xffff_ffff, 4); // any state
  const id = query.subarray(ID_IN_REQUEST);
  id.writeUInt16BE(local.port, SOCKET_ID.sourcePort);
  id.writeUInt16BE(remote.port, SOCKET_ID.destinationPort);
  id.set(local.address.subarray(v4 ? 12 : 0), SOCKET_ID.source);
  id.set(remote.address.subarray(v4 ? 12 : 0), SOCKET_ID.destination);
  id.writeUInt32LE(LOOPBACK_IFINDEX, SOCKET_ID.device); // also finds sockets that are bound to `lo`
  if (cookie === undefined) id.fill(0xff, SOCKET_ID.cookie, SOCKET_ID.cookie + 8);
  else id.writeBigUInt64LE(cookie, SOCKET_ID.cookie);
  return query;
}

/**
 * `another` where the answer is about another socket than the one asked for: the kernel looks for a listening socket of
 * that port where it finds no connection, and that one may be anybody's. Undefined for what is no answer.
 */
export function decodeAnswer(bytes: Uint8Array, local: Endpoint, remote: Endpoint): TcpSocket | 'another' | undefined {
  const answer = asBuffer(bytes);
  if (answer.length < ANSWER) return undefined;
  const family = answer[0];
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  const id = answer.subarray(ID_IN_ANSWER);
  const end = (address: number, port: number): Endpoint => ({
    port: id.readUInt16BE(port),
    address: family === AF_INET ? mapped(id.subarray(address, address + 4)) : id.subarray(address, address + 16),
  });
  if (!sameEndpoint(end(SOCKET_ID.source, SOCKET_ID.sourcePort), local)) return 'another';
  if (!sameEndpoint(end(SOCKET_ID.destination, SOCKET_ID.destinationPort), remote)) return 'another';
  const attributes = decodeAttributes(answer.subarray(ANSWER));
  if (attributes === undefined) return undefined;
  return {
    state: answer[1] ?? 0, uid: answer.readUInt32LE(64), inode: answer.readUInt32LE(68),
    cookie: id.readBigUInt64LE(SOCKET_ID.cookie), cgroupId: attributes.cgroupId,
  };
}

/** `struct rtattr` after `struct rtattr`, each at a multiple of four: u16 length with this header, u16 type. Undefined where they do not fit. */
function decodeAttributes(bytes: Buffer): { readonly cgroupId: bigint | undefined } | undefined {
  let cgroupId: bigint | undefined;
  for (let at = 0; at < bytes.length; ) {
    if (bytes.length - at < ATTRIBUTE_HEADER) return undefined;
    const length = bytes.readUInt16LE(at);
    const type = bytes.readUInt16LE(at + 2);
    if (length < ATTRIBUTE_HEADER || at + length > bytes.length) return undefined;
    if (type === INET_DIAG_CGROUP_ID) {
      if (length !== ATTRIBUTE_HEADER + 8 || cgroupId !== undefined) return undefined;
      cgroupId = bytes.readBigUInt64LE(at + ATTRIBUTE_HEADER);
    }
    at += (length + 3) & ~3;
  }
  return { cgroupId };
}
