import type { Pid } from '@portcullis/core';
import { PROC_PIDPATHINFO_MAXSIZE, PROC_PIDUNIQIDENTIFIERINFO } from './constants.js';
import { ERRNO, SysFailure } from './errno.js';
import { decodeUniqueIdentifiers, PROC_UNIQIDENTIFIERINFO_SIZE, type UniqueIdentifiers } from './layout.js';
import type { Libc } from './libc.js';

const identifiers = new Uint8Array(PROC_UNIQIDENTIFIERINFO_SIZE);
const path = new Uint8Array(PROC_PIDPATHINFO_MAXSIZE);

/** `proc_pidinfo(pid, PROC_PIDUNIQIDENTIFIERINFO)`: needs no privilege. ESRCH when there is no such process. */
export function getUniqueIdentifiers(libc: Libc, pid: Pid): UniqueIdentifiers | SysFailure {
  const call = `proc_pidinfo(${String(pid)}, PROC_PIDUNIQIDENTIFIERINFO)`;
  const size = libc.proc_pidinfo(pid, PROC_PIDUNIQIDENTIFIERINFO, 0, identifiers, identifiers.length);
  if (size <= 0) return new SysFailure(call, libc.errno());
  // another length is a kernel that we do not know
  const decoded = size === identifiers.length ? decodeUniqueIdentifiers(identifiers) : undefined;
  return decoded ?? new SysFailure(call, ERRNO.EOVERFLOW);
}

/**
 * `proc_pidpath_audittoken(token)`: the bytes of the executable's path. The kernel compares the pid version of the token
 * with the process's own, ESRCH where they differ (libsyscall/wrappers/libproc, macOS 11). ENOSYS before that.
 */
export function getPathOfToken(libc: Libc, token: Uint8Array): Uint8Array | SysFailure {
  const call = 'proc_pidpath_audittoken()';
  if (libc.proc_pidpath_audittoken === undefined) return new SysFailure(call, ERRNO.ENOSYS);
  const size = libc.proc_pidpath_audittoken(token, path, path.length);
  if (size <= 0) return new SysFailure(call, libc.errno());
  return size < path.length ? path.slice(0, size) : new SysFailure(call, ERRNO.ENAMETOOLONG);
}
