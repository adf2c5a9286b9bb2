import type { Gid, PeerRefusal, Pid, Uid } from '@portcullis/core';
import { probeCapabilities, type Capabilities } from './capabilities.js';
import { SysFailure } from './ffi/errno.js';
import { LinuxPeer } from './peer.js';
import { parseStatus } from './proc/parse-status.js';
import { readProc } from './proc/read.js';

/**
 * A process without a connection, held by pidfd_open(2): for looking at what runs already. Its credentials are the ids that
 * it has now, so nothing that is frozen at connect may be asked of it.
 */
export function openPid(pid: Pid, capabilities: Capabilities = probeCapabilities()): LinuxPeer | PeerRefusal {
  const bytes = readProc(`/proc/${String(pid)}/status`);
  if (bytes instanceof SysFailure) return { refused: 'peer-exited', detail: bytes.toString() };
  const status = parseStatus(bytes);
  if (status === undefined) return { refused: 'pin-failed', detail: `cannot read the fields of /proc/${String(pid)}/status` };
  if (status.tgid !== Number(pid)) return { refused: 'pin-failed', detail: `${String(pid)} is a thread of process ${String(status.tgid)}` };
  const credentials = { pid, uid: status.uids[1] as Uid, gid: status.gids[1] as Gid };
  // Without a connection there is no SO_PEERPIDFD: the pin compares start time and ids, and says that it is the weaker one.
  const peer = new LinuxPeer({ fd: undefined, origin: undefined }, credentials, { ...capabilities, peerPidFd: false });
  if (typeof peer.pidfd() === 'number') return peer;
  const refused = peer.verify();
  peer.close();
  return refused ?? { refused: 'pin-failed', detail: `process ${String(pid)} cannot be held`, credentials };
}
