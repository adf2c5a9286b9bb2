import { ABSENT, unknown, type Finding, type PeerCredentials, type PeerRefusal, type Unknown } from '@portcullis/core';
import type { Capabilities } from '../capabilities.js';
import { EINVAL, ESRCH, SysFailure } from '../ffi/errno.js';
import { closeFd } from '../ffi/file.js';
import { hasExited } from '../ffi/pidfd.js';
import { LinuxPeer, TOO_MANY_GROUPS, type Groups } from '../peer.js';
import { pinByPid, type Pin } from '../pin.js';
import { parseStatus, type ProcStatus } from '../proc/parse-status.js';
import { readProc } from '../proc/read.js';
import type { LinuxArrival } from './arrival.js';
import { isClaimable } from './claimable.js';

/** The sender of one message. Its ids and its label are those of the moment when it sent. */
export class MessagePeer extends LinuxPeer {
  readonly #arrival: LinuxArrival;

  constructor(arrival: LinuxArrival, credentials: PeerCredentials, capabilities: Capabilities) {
    super(arrival, credentials, capabilities);
    this.#arrival = arrival;
  }

  protected override takePin(): Pin | PeerRefusal {
    const pin = this.#hold();
    if (!('pidfd' in pin)) return pin;
    const refused = this.#setId(pin) ?? this.#claimable(pin);
    if (refused !== undefined) closeFd(pin.pidfd);
    return refused ?? pin;
  }

  /** A message carries none: those that the process has now. */
  override groups(): Groups | Unknown {
    const folder = this.procFolder();
    if (typeof folder !== 'string') return folder;
    const status = readStatus(folder);
    if (status instanceof SysFailure) return this.unknownOf(status);
    if (status === undefined) return unknown('undecodable', `${folder}/status`);
    return status.groups === 'too-many' ? TOO_MANY_GROUPS : { gids: status.groups, tier: 'kernel-live' };
  }

  override label(): Uint8Array | Finding {
    return this.#arrival.label ?? (this.capabilities.labelling?.length === 0 ? ABSENT : unknown('kernel-unsupported', 'the message came without SCM_SECURITY'));
  }

  #hold(): Pin | PeerRefusal {
    const { credentials } = this;
    if (!this.capabilities.peerPidFd) return pinByPid(credentials);
    const pidfd = this.#arrival.takePidfd();
    if (typeof pidfd === 'number') return { strength: 'peer-pidfd', pidfd, startTimeTicks: undefined };
    if (pidfd === undefined) return { refused: 'pin-failed', detail: 'the message came without SCM_PIDFD', credentials };
    // Before 6.16 a sender that was reaped has no pidfd any more. Never tried again by pid (T1).
    const gone = pidfd.errno === ESRCH || pidfd.errno === EINVAL;
    return { refused: gone ? 'peer-exited' : 'pin-failed', detail: pidfd.toString(), credentials };
  }

  /** T10: everything below /proc, and the pidfd, are of the process that the sender says it is. */
  #claimable({ pidfd }: Pin): PeerRefusal | undefined {
    const { credentials } = this;
    if (!isClaimable(credentials.pid, pidfd, this.capabilities)) return undefined;
    return { refused: 'sender-claimable', detail: `others can send in the name of pid ${String(credentials.pid)}`, credentials };
  }

  /**
   * T10: of a process whose ids are not one, a message may be its caller's, while everything below /proc is the program's.
   * Who cannot be seen has nothing below /proc.
   */
  #setId({ pidfd }: Pin): PeerRefusal | undefined {
    const { credentials } = this;
    const { pid, uid, gid } = credentials;
    if (pid === 0) return undefined;
    const status = readStatus(`/proc/${String(pid)}`);
    if (hasExited(pidfd)) return { refused: 'peer-exited', detail: 'the sender exited before it was looked at', credentials };
    if (status === undefined || status instanceof SysFailure) return { refused: 'pin-failed', detail: `cannot read /proc/${String(pid)}/status`, credentials };
    if (status.uids.every((id) => id === Number(uid)) && status.gids.every((id) => id === Number(gid))) return undefined;
    return { refused: 'sender-set-id', detail: `its uids are ${status.uids.join(', ')} and its gids ${status.gids.join(', ')}`, credentials };
  }
}

function readStatus(folder: string): ProcStatus | SysFailure | undefined {
  const bytes = readProc(`${folder}/status`);
  return bytes instanceof SysFailure ? bytes : parseStatus(bytes);
}
