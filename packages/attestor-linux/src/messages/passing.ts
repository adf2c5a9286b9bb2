import type { Fd } from '@portcullis/core';
import type { Capabilities } from '../capabilities.js';
import { ENOPROTOOPT, type SysFailure } from '../ffi/errno.js';
import { refuseRights, setPassCred, setPassPidFd, setPassSec } from '../ffi/sockopt.js';

/**
 * Has the kernel name the sender of each message. Before the socket is bound: a message that was queued earlier has no
 * credentials, and would be shown as one of uid 65534.
 */
export function nameSenders(fd: Fd, { peerPidFd }: Capabilities): SysFailure | undefined {
  return setPassCred(fd) ?? (peerPidFd ? setPassPidFd(fd) : undefined) ?? optional(setPassSec(fd));
}

/**
 * Also has the kernel refuse descriptors, where it can: to close one of a file system that does not answer waits, and so does to
 * let go of a TCP socket that lingers.
 */
export function nameSendersOnly(fd: Fd, capabilities: Capabilities): SysFailure | undefined {
  return nameSenders(fd, capabilities) ?? optional(refuseRights(fd));
}

/** What a kernel does not have is done without. */
function optional(failure: SysFailure | undefined): SysFailure | undefined {
  return failure?.errno === ENOPROTOOPT ? undefined : failure;
}
