import type { Fd, PeerRefusal } from '@portcullis/core';
import { SysFailure } from '../ffi/errno.js';
import type { Libc } from '../ffi/libc.js';
import { getPeerPid } from '../ffi/sockopt.js';

/** launchd(8) makes listeners for others to serve. */
const LAUNCHD = 1;

/**
 * Looks for signs that another process than the maker of the listener serves this connection. A new connection inherits
 * the last user of its listener (sonewconn, bsd/kern/uipc_socket2.c): where that is still launchd, nobody has taken the
 * listener over yet, and who will is not known. All else is up to the comparisons of the peer source: the ids are those
 * of who called listen() last, and must be those of the last user (T23).
 */
export function examine(libc: Libc, fd: Fd): PeerRefusal | undefined {
  const pid = getPeerPid(libc, fd);
  if (pid instanceof SysFailure) return { refused: pid.is('ENOTCONN') ? 'peer-exited' : 'pin-failed', detail: pid.toString() };
  return pid === LAUNCHD ? { refused: 'listener-inherited', detail: 'the listener was made by launchd, which hands listeners to services' } : undefined;
}
