import type { Gid, Pid, Uid } from '@portcullis/core';
import { NGROUPS, XUCRED_VERSION } from './constants.js';

/** Bytes of each structure; a getter that is answered with another length has not been answered. */
export const XUCRED_SIZE = 76;
export const AUDIT_TOKEN_SIZE = 32;
export const PROC_UNIQIDENTIFIERINFO_SIZE = 56;
export const UUID_SIZE = 16;
export const KEVENT_SIZE = 32;

/** Every Mac that this package can meet is little-endian. */
const LITTLE_ENDIAN = true;

/**
 * `struct xucred` (bsd/sys/ucred.h), the answer to LOCAL_PEERCRED:
 *
 *     0  u32 cr_version     8  i16 cr_ngroups    12  u32 cr_groups[16]
 *     4  u32 cr_uid        10  (padding)         76
 */
export interface Xucred {
  /** The effective user id at connect. */
  readonly uid: Uid;
  /** `cr_groups[0]`: the effective group id at connect. */
  readonly gid: Gid;
  /** All of `cr_groups`, as the kernel ordered them. The kernel hands out 16 at most: longer lists arrive cut. */
  readonly groups: readonly Gid[];
}

/**
 * `audit_token_t` (osfmk/mach/message.h), the answer to LOCAL_PEERTOKEN, eight u32: auid, euid, egid, ruid, rgid, pid,
 * asid, pidversion.
 */
export interface AuditToken {
  /** The login's audit user id, 0xffffffff where there was no login. */
  readonly auditUid: number;
  readonly effectiveUid: Uid;
  readonly effectiveGid: Gid;
  readonly realUid: Uid;
  readonly realGid: Gid;
  readonly pid: Pid;
  readonly auditSession: number;
  /** Another one after every exec, and for every reuse of the pid. */
  readonly pidVersion: number;
}

/**
 * `struct proc_uniqidentifierinfo` (bsd/sys/proc_info_private.h), the answer to PROC_PIDUNIQIDENTIFIERINFO:
 *
 *     0  u8 p_uuid[16]     24  u64 p_puniqueid     36  (reserved)
 *    16  u64 p_uniqueid    32  i32 p_idversion     56
 */
export interface UniqueIdentifiers {
  /** The UUID of the executable, lower-case hex with hyphens. */
  readonly executableUuid: string;
  /** Never used again while the system is up; survives an exec. */
  readonly uniqueId: bigint;
  readonly parentUniqueId: bigint;
  /** The same number as an audit token's `pidVersion`. */
  readonly idVersion: number;
}

/**
 * `struct kevent` of a 64-bit process (bsd/sys/event.h):
 *
 *     0  u64 ident     10  u16 flags      16  i64 data
 *     8  i16 filter    12  u32 fflags     24  (udata)    32
 */
export interface Kevent {
  /** For EVFILT_PROC: the pid. */
  readonly ident: number;
  readonly filter: number;
  readonly flags: number;
  /** `fflags`: what was asked for, or what happened. */
  readonly filterFlags: number;
  /** For EV_ERROR: the errno, 0 where the change was accepted. */
  readonly data: number;
}

/** The credentials in `bytes`, or undefined where this is not an xucred of the version that we know. */
export function decodeXucred(bytes: Uint8Array): Xucred | undefined {
  if (bytes.length !== XUCRED_SIZE) return undefined;
  const view = viewOf(bytes);
  if (view.getUint32(0, LITTLE_ENDIAN) !== XUCRED_VERSION) return undefined;
  const ngroups = view.getInt16(8, LITTLE_ENDIAN);
  if (ngroups > NGROUPS) return undefined;
  const groups = Array.from({ length: ngroups }, (_, index) => view.getUint32(12 + 4 * index, LITTLE_ENDIAN) as Gid);
  const [gid] = groups;
  // none, or a negative count: without a first group there is no gid, and 0 would be wheel
  if (gid === undefined) return undefined;
  return Object.freeze({ uid: view.getUint32(4, LITTLE_ENDIAN) as Uid, gid, groups: Object.freeze(groups) });
}

/** The token in `bytes`, or undefined where the length is not a token's. */
export function decodeAuditToken(bytes: Uint8Array): AuditToken | undefined {
  if (bytes.length !== AUDIT_TOKEN_SIZE) return undefined;
  const view = viewOf(bytes);
  const word = (index: number): number => view.getUint32(4 * index, LITTLE_ENDIAN);
  return Object.freeze({
    auditUid: word(0),
    effectiveUid: word(1) as Uid,
    effectiveGid: word(2) as Gid,
    realUid: word(3) as Uid,
    realGid: word(4) as Gid,
    pid: word(5) as Pid,
    auditSession: word(6),
    pidVersion: word(7),
  });
}

/** The identifiers in `bytes`, or undefined where the length is not theirs. */
export function decodeUniqueIdentifiers(bytes: Uint8Array): UniqueIdentifiers | undefined {
  if (bytes.length !== PROC_UNIQIDENTIFIERINFO_SIZE) return undefined;
  const view = viewOf(bytes);
  const executableUuid = decodeUuid(bytes.subarray(0, UUID_SIZE));
  if (executableUuid === undefined) return undefined;
  return Object.freeze({
    executableUuid,
    uniqueId: view.getBigUint64(16, LITTLE_ENDIAN),
    parentUniqueId: view.getBigUint64(24, LITTLE_ENDIAN),
    // a token carries the same number unsigned
    idVersion: view.getInt32(32, LITTLE_ENDIAN) >>> 0,
  });
}

/** The `uuid_t` in `bytes` (LOCAL_PEERUUID) as lower-case hex with hyphens, or undefined where the length is not 16. */
export function decodeUuid(bytes: Uint8Array): string | undefined {
  if (bytes.length !== UUID_SIZE) return undefined;
  const hex = Buffer.from(bytes).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/**
 * The text in an answer to CS_OPS_IDENTITY or CS_OPS_TEAMID: eight bytes of header, of which the last four are the length
 * of it all in network order, then the text and its NUL (csops_internal, bsd/kern/kern_proc.c). Undefined where header and
 * text do not agree.
 */
export function decodeCsText(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length < CS_HEADER_SIZE) return undefined;
  const whole = viewOf(bytes).getUint32(4);
  if (whole <= CS_HEADER_SIZE || whole > bytes.length || bytes[whole - 1] !== 0) return undefined;
  const text = bytes.slice(CS_HEADER_SIZE, whole - 1);
  return text.includes(0) ? undefined : text;
}

const CS_HEADER_SIZE = 8;

/** Writes one event into `bytes`, which are 32. */
export function encodeKevent(bytes: Uint8Array, { ident, filter, flags, filterFlags, data }: Kevent): void {
  const view = viewOf(bytes);
  view.setBigUint64(0, BigInt(ident), LITTLE_ENDIAN);
  view.setInt16(8, filter, LITTLE_ENDIAN);
  view.setUint16(10, flags, LITTLE_ENDIAN);
  view.setUint32(12, filterFlags, LITTLE_ENDIAN);
  view.setBigInt64(16, BigInt(data), LITTLE_ENDIAN);
  view.setBigUint64(24, 0n, LITTLE_ENDIAN);
}

/** The event in `bytes`, which are 32. */
export function decodeKevent(bytes: Uint8Array): Kevent {
  const view = viewOf(bytes);
  return {
    ident: Number(view.getBigUint64(0, LITTLE_ENDIAN)),
    filter: view.getInt16(8, LITTLE_ENDIAN),
    flags: view.getUint16(10, LITTLE_ENDIAN),
    filterFlags: view.getUint32(12, LITTLE_ENDIAN),
    data: Number(view.getBigInt64(16, LITTLE_ENDIAN)),
  };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
