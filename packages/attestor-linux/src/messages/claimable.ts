import type { Fd, Pid } from '@portcullis/core';
import type { Capabilities } from '../capabilities.js';
import { SysFailure } from '../ffi/errno.js';
import { closeFd, cPath, openRead } from '../ffi/file.js';
import { openPidNamespace, pidBehind } from '../ffi/pidfd.js';
import { ownerOfNamespace } from '../ffi/namespace.js';
import { inodeOf } from '../ffi/statx.js';
import { depthOf } from '../proc/depth.js';

/**
 * Whether somebody besides root here may send in the name of this process, or that cannot be told. The kernel makes SCM_CREDENTIALS,
 * and SCM_PIDFD with it, of the pid that a sender claims, and whoever has CAP_SYS_ADMIN over the owner of its pid namespace may claim any
 * pid in there (scm_check_creds, net/core/scm.c). In a pid and user namespace of one's own, that is every user. A namespace's owner is the
 * owner of those above it or one below that (create_pid_namespace, kernel/pid_namespace.c), so the process's own tells of all that see it.
 * @param pidfd of that process, where one can be had
 */
export function isClaimable(pid: number, pidfd: Fd | undefined, { namespaces }: Capabilities): boolean {
  const namespace = namespaceOf(pid, pidfd);
  if (namespace === undefined) return !isSeenInOurs(pid, pidfd);
  try {
    return !isSame(inodeOf(namespace), namespaces.get('pid')) && !isSame(ownerOfNamespace(namespace), namespaces.get('user'));
  } finally {
    closeFd(namespace);
  }
}

/** What is not known is not the same as anything. */
function isSame(one: bigint | undefined, other: bigint | undefined): boolean {
  return one !== undefined && one === other;
}

/** Before Linux 6.11 by /proc. Of one that has exited there is none any more. */
function namespaceOf(pid: number, pidfd: Fd | undefined): Fd | undefined {
  const asked = pidfd === undefined ? undefined : openPidNamespace(pidfd);
  if (typeof asked === 'number') return asked;
  const path = `/proc/${String(pid)}/ns/pid`;
  const opened = openRead(cPath(path), path);
  if (opened instanceof SysFailure) return undefined;
  if (pidfd === undefined || pidBehind(pidfd) === pid) return opened;
  closeFd(opened);
  return undefined;
}

/** Whether it lives in our own pid namespace, by a file that needs no right to look into it, and that a zombie has. */
function isSeenInOurs(pid: number, pidfd: Fd | undefined): boolean {
  return pid !== 0 && depthOf(pid as Pid) === 1 && (pidfd === undefined || pidBehind(pidfd) === pid);
}
