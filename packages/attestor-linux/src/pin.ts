import type { Fd, PeerCredentials, PeerRefusal } from '@portcullis/core';
import type { Capabilities } from './capabilities.js';
import { EINVAL, ESRCH, SysFailure } from './ffi/errno.js';
import { closeFd } from './ffi/file.js';
import { hasExited, pidfdOpen } from './ffi/pidfd.js';
import { getPeerPidFd } from './ffi/sockopt.js';
import { readStatBounded } from './held-up/looks.js';
import { parseStat } from './proc/parse-stat.js';
import { parseStatus } from './proc/parse-status.js';
import { readProc } from './proc/read.js';

/** A process that cannot be mistaken for another while this is held. */
export interface Pin {
  readonly strength: 'peer-pidfd' | 'pidfd-open' | 'socket-holder';
  readonly pidfd: Fd;
  /** Not with `peer-pidfd`: compared again at the end. */
  readonly startTimeTicks: number | undefined;
}

/** I3: takes the pin. SO_PEERPIDFD where there is one; otherwise the weaker way, and the pin says so. */
export function pinPeer(fd: Fd | undefined, credentials: PeerCredentials, capabilities: Capabilities): Pin | PeerRefusal {
  if (!capabilities.peerPidFd) return pinByPid(credentials);
  if (fd === undefined) return { refused: 'no-descriptor', detail: 'the connection was closed before it was pinned', credentials };
  const pidfd = getPeerPidFd(fd);
  if (typeof pidfd === 'number') return { strength: 'peer-pidfd', pidfd, startTimeTicks: undefined };
  // Before 6.16 a peer that was reaped has no pidfd any more: EINVAL or ESRCH. Never tried again by pid (T1).
  const gone = pidfd.errno === ESRCH || pidfd.errno === EINVAL;
  return { refused: gone ? 'peer-exited' : 'pin-failed', detail: pidfd.toString(), credentials };
}

/**
 * Below Linux 6.5: pidfd_open(2) between two looks at the start time, and the ids of what was found must be those of the
 * credentials. A pid that was reused by the same user before the first look is not caught: `pidfd-open` is weaker.
 */
export function pinByPid(credentials: PeerCredentials): Pin | PeerRefusal {
  const { pid, uid, gid } = credentials;
  const before = readStartTime(credentials);
  const pidfd = pidfdOpen(pid);
  if (pidfd instanceof SysFailure) {
    return { refused: pidfd.errno === ESRCH ? 'peer-exited' : 'pin-failed', detail: pidfd.toString(), credentials };
  }
  const after = readStartTime(credentials);
  const status = readProc(`/proc/${String(pid)}/status`);
  const ids = status instanceof SysFailure ? undefined : parseStatus(status);
  // After the last read: what was read belongs to the process behind the pidfd only if that still runs.
  const exited = hasExited(pidfd);
  if (!exited && before !== undefined && before === after && ids?.uids.includes(uid) === true && (gid === undefined || ids.gids.includes(gid))) {
    return { strength: 'pidfd-open', pidfd, startTimeTicks: after };
  }
  closeFd(pidfd);
  const detail = exited ? 'the process exited while it was pinned' : `/proc/${String(pid)} is not the process that connected, or cannot be read`;
  return { refused: exited ? 'peer-exited' : 'pin-failed', detail, credentials };
}

/** A second pin of the process that `pin` holds, with a descriptor of its own. */
export function pinAgain(pin: Pin, credentials: PeerCredentials): Pin | PeerRefusal {
  const pidfd = pidfdOpen(credentials.pid);
  if (pidfd instanceof SysFailure) {
    return { refused: pidfd.errno === ESRCH ? 'peer-exited' : 'pin-failed', detail: pidfd.toString(), credentials };
  }
  // As long as the first process lives, nobody else has its pid.
  if (!hasExited(pin.pidfd)) return { ...pin, pidfd };
  closeFd(pidfd);
  return { refused: 'peer-exited', detail: 'the process exited while it was pinned', credentials };
}

/**
 * Clock ticks after boot (`starttime`, field 22 of `/proc/PID/stat`); undefined when it cannot be read. Some kernels make who
 * reads it wait for an exec of that process (T20): not for long.
 */
export function readStartTime({ pid, uid }: PeerCredentials): number | undefined {
  const stat = readStatBounded(uid, pid);
  return 'why' in stat || stat instanceof SysFailure ? undefined : parseStat(stat)?.startTimeTicks;
}
