import { unknown, type Fd, type PeerRefusal, type Pid, type Uid, type Unknown } from '@portcullis/core';
import type { Capabilities } from '../capabilities.js';
import { EACCES, ENOSYS, EPERM, SysFailure } from '../ffi/errno.js';
import { closeFd } from '../ffi/file.js';
import { getPidfdInfo } from '../ffi/pidfd.js';
import { getCookie } from '../ffi/sockopt.js';
import { getfdBounded } from '../held-up/looks.js';
import { pinByPid, type Pin } from '../pin.js';
import { unknownOf } from '../unknown-of.js';
import type { Holder } from './holder-scan.js';
import type { TcpSocket } from './inet-diag.js';

/**
 * Pins the process that a scan found: pidfd_open(2) as for any pid, then proof that the pinned process holds this very socket.
 * Its user and its cgroup must be those that made the socket: one that was handed on shows here, unless it stayed within both.
 */
export function pinHolder(holder: Holder, client: TcpSocket, capabilities: Capabilities): Pin | PeerRefusal | Unknown {
  const credentials = { pid: holder.pid as Pid, uid: client.uid as Uid, gid: undefined };
  const pin = pinByPid(credentials);
  if ('refused' in pin) return pin;
  const wrong = whyNotHeld(pin.pidfd, holder, client) ?? whyElsewhere(pin.pidfd, client, capabilities);
  if (wrong === undefined) return { ...pin, strength: 'socket-holder' };
  closeFd(pin.pidfd);
  return 'why' in wrong ? wrong : { ...wrong, credentials };
}

/**
 * Asks the pinned process for the descriptor and compares the cookie: `socket:[INODE]` in /proc would not do, since inode
 * numbers come round again, and a pid may be another's by now (T1).
 */
export function whyNotHeld(pidfd: Fd, { pid, foreignFd }: Holder, { cookie, uid }: TcpSocket): PeerRefusal | Unknown | undefined {
  const copy = getfdBounded(uid as Uid, pidfd, foreignFd);
  if (typeof copy === 'object' && 'why' in copy) return copy;
  if (copy instanceof SysFailure) {
    if (copy.errno === EPERM || copy.errno === EACCES || copy.errno === ENOSYS) return unknownOf(copy);
    return { refused: 'holder-missing', detail: copy.toString() };
  }
  const held = getCookie(copy);
  closeFd(copy);
  return held === cookie ? undefined : { refused: 'holder-missing', detail: `descriptor ${String(foreignFd)} of process ${String(pid)} is not the client's socket` };
}

function whyElsewhere(pidfd: Fd, { cgroupId }: TcpSocket, { pidfdInfo }: Capabilities): PeerRefusal | Unknown | undefined {
  if (!pidfdInfo || cgroupId === undefined) return undefined;
  const info = getPidfdInfo(pidfd);
  if (info instanceof SysFailure) return unknownOf(info);
  if (info.cgroupId === 0n) return unknown('not-visible', 'the kernel does not say in which cgroup the holder is');
  if (info.cgroupId === cgroupId) return undefined;
  return { refused: 'pin-failed', detail: `the socket was made in cgroup ${String(cgroupId)}, and its holder is in ${String(info.cgroupId)}` };
}
