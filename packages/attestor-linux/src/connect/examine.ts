import type { Fd, Gid, PeerRefusal, Pid, Uid } from '@portcullis/core';
import type { Capabilities } from '../capabilities.js';
import { SysFailure } from '../ffi/errno.js';
import { closeFd } from '../ffi/file.js';
import { hasExited } from '../ffi/pidfd.js';
import { hasHungUp } from '../ffi/poll.js';
import { getAcceptConn, getPeerCred } from '../ffi/sockopt.js';
import { pinPeer } from '../pin.js';
import { readProc } from '../proc/read.js';

/** systemd(1), as the system's and as a user's manager: it makes listeners for others to serve. */
const SERVICE_MANAGER = 'systemd\n';

/**
 * Looks for signs that another process than the last caller of `listen()` serves this connection. The kernel notes that
 * caller and nobody else, so two are all there are: it has exited and the connection lives; or it is a service manager.
 * A maker that lives beside a child that serves shows neither.
 */
export function examine(fd: Fd, capabilities: Capabilities): PeerRefusal | undefined {
  // A listener that we inherited has its maker's credentials too, and is no connection.
  if (getAcceptConn(fd) !== false) return { refused: 'socket-not-connected', detail: 'the socket listens' };
  const cred = getPeerCred(fd);
  if (cred instanceof SysFailure) return { refused: 'no-descriptor', detail: cred.toString() };
  const credentials = { pid: cred.pid as Pid, uid: cred.uid as Uid, gid: cred.gid as Gid };
  const pin = pinPeer(fd, credentials, capabilities);
  if (!('pidfd' in pin)) return pin.refused === 'peer-exited' ? withoutMaker(fd, credentials.pid) : pin;
  try {
    const manages = cred.pid > 0 && isServiceManager(credentials.pid);
    // After the look below /proc: a recycled pid fails here (T1).
    if (hasExited(pin.pidfd)) return withoutMaker(fd, credentials.pid);
    return manages ? { refused: 'listener-inherited', detail: `the listener was made by systemd, process ${String(cred.pid)}, which hands listeners to services` } : undefined;
  } finally {
    closeFd(pin.pidfd);
  }
}

/**
 * A process closes its descriptors before it counts as exited, so what it alone held hung up by now. A connection that did
 * not is held by somebody else, in the listener's queue or accepted.
 */
function withoutMaker(fd: Fd, pid: Pid): PeerRefusal {
  const name = `process ${String(pid)}, which made the listener,`;
  if (hasHungUp(fd)) return { refused: 'peer-exited', detail: `${name} has exited, and the connection ended` };
  return { refused: 'listener-inherited', detail: `${name} has exited, and another process holds the connection` };
}

/** By its own word (comm), which only speaks against it: a process that lies gets itself refused. */
function isServiceManager(pid: Pid): boolean {
  const comm = readProc(`/proc/${String(pid)}/comm`);
  return !(comm instanceof SysFailure) && Buffer.from(comm).toString('latin1') === SERVICE_MANAGER;
}
