import type { Fd } from '@portcullis/core';
import { AT_EMPTY_PATH, AT_FDCWD, STATX_BASIC_STATS } from './constants.js';
import { SysFailure } from './errno.js';
import { libc } from './libc.js';

/** What tells one file from another, and one content from the next. Device and inode are those that stat(2) reports. */
export interface FileIdentity {
  readonly dev: number;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly mode: number;
  readonly uid: number;
  readonly links: number;
}

const memory = new ArrayBuffer(256); // struct statx, linux/stat.h, 4.11
const bytes = new Uint8Array(memory);
const u32 = new Uint32Array(memory);
const u64 = new BigUint64Array(memory);
const u16 = new Uint16Array(memory);
const NANO = 1_000_000_000n;

/** Offsets by struct statx: nlink 16, uid 20, mode 28, ino 32, size 40, ctime 96, mtime 112, dev 136. */
function decode(): FileIdentity {
  return {
    dev: deviceNumber(u32[34] ?? 0, u32[35] ?? 0),
    ino: u64[4] ?? 0n,
    size: u64[5] ?? 0n,
    ctimeNs: (u64[12] ?? 0n) * NANO + BigInt(u32[26] ?? 0),
    mtimeNs: (u64[14] ?? 0n) * NANO + BigInt(u32[30] ?? 0),
    mode: u16[14] ?? 0,
    uid: u32[5] ?? 0,
    links: u32[4] ?? 0,
  };
}

/** One number for a device: major has 12 bits and minor 20 in the kernel's dev_t. */
export function deviceNumber(major: number, minor: number): number {
  return major * 0x10_0000 + minor;
}

function run(dirFd: number, path: Uint8Array, flags: number): boolean {
  return libc().statx(dirFd, path, flags, STATX_BASIC_STATS, bytes) === 0;
}

/** `statx(AT_FDCWD, path, flags)`; `path` ends in a NUL byte. Follows links unless `flags` say not to. */
export function statPath(path: Uint8Array, shown: string, flags = 0): FileIdentity | SysFailure {
  return run(AT_FDCWD, path, flags) ? decode() : new SysFailure(`statx(AT_FDCWD, "${shown}")`, libc().errno());
}

const EMPTY = new Uint8Array(1);

/** `statx(fd, "", AT_EMPTY_PATH)` */
export function statFd(fd: number): FileIdentity | SysFailure {
  return run(fd, EMPTY, AT_EMPTY_PATH) ? decode() : new SysFailure(`statx(${String(fd)}, "", AT_EMPTY_PATH)`, libc().errno());
}

/** The inode alone, for the accept path; undefined when the call failed. */
export function inodeOf(fd: number): bigint | undefined {
  return run(fd, EMPTY, AT_EMPTY_PATH) ? u64[4] : undefined;
}

/** Whether the file behind a descriptor is unchanged, without making a new object of it. */
export function sameFd(fd: number, was: FileIdentity): boolean {
  return run(fd, EMPTY, AT_EMPTY_PATH) && sameAsDecoded(was);
}

function sameAsDecoded(was: FileIdentity): boolean {
  return (
    u64[4] === was.ino && deviceNumber(u32[34] ?? 0, u32[35] ?? 0) === was.dev && u64[5] === was.size &&
    (u64[14] ?? 0n) * NANO + BigInt(u32[30] ?? 0) === was.mtimeNs && (u64[12] ?? 0n) * NANO + BigInt(u32[26] ?? 0) === was.ctimeNs
  );
}

/** Same file, same content as far as the inode tells. */
export function sameFile(a: FileIdentity, b: FileIdentity): boolean {
  return a.dev === b.dev && a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs;
}

const statfs = new BigUint64Array(16); // struct statfs, asm-generic/statfs.h

/** `fstatfs(fd)`: what kind of file system a file is on, by linux/magic.h. */
export function fileSystemOf(fd: Fd): number | SysFailure {
  return libc().fstatfs(fd, statfs) === 0 ? Number(statfs[0]) : new SysFailure(`fstatfs(${String(fd)})`, libc().errno());
}
