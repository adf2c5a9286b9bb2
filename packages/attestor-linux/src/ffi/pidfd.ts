import { readFileSync } from 'node:fs';
import type { Fd, Pid } from '@portcullis/core';
import { parsePidfdInfo } from '../proc/parse-fdinfo.js';
import {
  PIDFD_GET_INFO, PIDFD_GET_PID_NAMESPACE, PIDFD_INFO_CGROUPID, PIDFD_INFO_CREDS, PIDFD_INFO_PID, POLLIN, SYS_PIDFD_GETFD, SYS_PIDFD_OPEN,
} from './constants.js';
import { SysFailure } from './errno.js';
import { libc } from './libc.js';
import { closeFd } from './file.js';
import { pollNow } from './poll.js';
import { inodeOf } from './statx.js';

/** `struct pidfd_info` version 0, 64 bytes (linux/pidfd.h, 6.13): u64 mask, u64 cgroupid, then u32 fields. */
const memory = new ArrayBuffer(64);
const info32 = new Uint32Array(memory);
const info64 = new BigUint64Array(memory);

export interface PidfdInfo {
  readonly pid: number;
  readonly ruid: number;
  readonly rgid: number;
  readonly euid: number;
  readonly egid: number;
  /** The inode of the cgroup in the v2 hierarchy; 0 where the kernel did not say. */
  readonly cgroupId: bigint;
}

/** `ioctl(pidfd, PIDFD_GET_INFO)`. A zombie still answers: ask `hasExited` too (T1). Linux 6.13. */
export function getPidfdInfo(pidfd: Fd): PidfdInfo | SysFailure {
  info64[0] = BigInt(PIDFD_INFO_PID | PIDFD_INFO_CREDS | PIDFD_INFO_CGROUPID);
  if (libc().ioctl(pidfd, PIDFD_GET_INFO, info32) !== 0) {
    return new SysFailure(`ioctl(${String(pidfd)}, PIDFD_GET_INFO)`, libc().errno());
  }
  return {
    pid: info32[5] ?? 0, // tgid
    ruid: info32[7] ?? 0,
    rgid: info32[8] ?? 0,
    euid: info32[9] ?? 0,
    egid: info32[10] ?? 0,
    cgroupId: ((info32[0] ?? 0) & PIDFD_INFO_CGROUPID) === 0 ? 0n : (info64[1] ?? 0n),
  };
}

/** `ioctl(pidfd, PIDFD_GET_PID_NAMESPACE)`: the pid namespace that the process lives in. Needs the right to look into it. Linux 6.11. */
export function openPidNamespace(pidfd: Fd): Fd | SysFailure {
  const fd = libc().ioctl(pidfd, PIDFD_GET_PID_NAMESPACE, null);
  return fd < 0 ? new SysFailure(`ioctl(${String(pidfd)}, PIDFD_GET_PID_NAMESPACE)`, libc().errno()) : (fd as Fd);
}

/** The inode of that namespace. */
export function pidNamespaceOf(pidfd: Fd): bigint | undefined {
  const fd = openPidNamespace(pidfd);
  if (fd instanceof SysFailure) return undefined;
  const inode = inodeOf(fd);
  closeFd(fd);
  return inode;
}

/** The process behind it, alive or dead, by the number that is its own until it is reaped; undefined afterwards, and where we cannot see it. */
export function pidBehind(pidfd: Fd): number | undefined {
  try {
    const behind = parsePidfdInfo(readFileSync(`/proc/self/fdinfo/${String(pidfd)}`));
    return behind?.state === 'pinned' ? behind.pid : undefined;
  } catch {
    return undefined;
  }
}

/** `syscall(SYS_pidfd_open, pid, 0)`: close-on-exec by definition. Linux 5.3. */
export function pidfdOpen(pid: Pid): Fd | SysFailure {
  const fd = libc().syscall(SYS_PIDFD_OPEN, pid, 0, 0);
  return fd < 0 ? new SysFailure(`pidfd_open(${String(pid)}, 0)`, libc().errno()) : (fd as Fd);
}

/** `syscall(SYS_pidfd_getfd, pidfd, foreignFd, 0)`: a close-on-exec copy, ours to close; needs the right to trace. Linux 5.6. */
export function pidfdGetfd(pidfd: Fd, foreignFd: number): Fd | SysFailure {
  const fd = libc().syscall(SYS_PIDFD_GETFD, pidfd, foreignFd, 0);
  return fd < 0 ? new SysFailure(`pidfd_getfd(${String(pidfd)}, ${String(foreignFd)}, 0)`, libc().errno()) : (fd as Fd);
}

/** `poll(pidfd, POLLIN, 0)`: the one answer to "does it still run"; a zombie has exited (T1). A failed poll counts as exited. */
export function hasExited(pidfd: Fd): boolean {
  return pollNow(pidfd, POLLIN) !== 0;
}
