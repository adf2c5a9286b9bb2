import { PortcullisError, type Fd, type Pid } from '@portcullis/core';
import { AF_UNIX, SOCK_STREAM } from './ffi/constants.js';
import { getStatus, getValidationCategory } from './ffi/csops.js';
import { SysFailure } from './ffi/errno.js';
import { decodeAuditToken } from './ffi/layout.js';
import type { Libc } from './ffi/libc.js';
import { getPathOfToken, getUniqueIdentifiers } from './ffi/libproc.js';
import { getPeerPid, getPeerToken } from './ffi/sockopt.js';

/** What this kernel offers to this process: probed once, with real calls, before the first peer. */
export interface Capabilities {
  /** LOCAL_PEERTOKEN answers with this very process, and its pid version is that of proc_pidinfo. Without it no process can be pinned. */
  readonly peerToken: boolean;
  /** proc_pidpath_audittoken (macOS 11); without it the path comes from lsof, tier `heuristic`. */
  readonly pidPath: boolean;
  readonly codeSigning: boolean;
  /** CS_OPS_VALIDATION_CATEGORY; without it nobody vouches for a team id or a signing identifier. */
  readonly validationCategory: boolean;
}

/**
 * Tries every constant on a socket pair of our own, and checks that the answers are about us.
 * @throws PortcullisError `PLATFORM_PROBE` when LOCAL_PEERPID does not say who we are, since then nothing else can be believed.
 */
export function probeCapabilities(libc: Libc): Capabilities {
  const [one, other] = socketPair(libc);
  try {
    const pid = getPeerPid(libc, one);
    if (pid !== process.pid) throw new PortcullisError('PLATFORM_PROBE', `LOCAL_PEERPID does not name this process: ${pid.toString()}`);
    const token = ownToken(libc, one);
    const signed = token && { libc, pid, token };
    return Object.freeze({
      peerToken: token !== undefined,
      pidPath: token !== undefined && !(getPathOfToken(libc, token) instanceof SysFailure),
      codeSigning: signed !== undefined && !(getStatus(signed) instanceof SysFailure),
      validationCategory: signed !== undefined && !(getValidationCategory(signed) instanceof SysFailure),
    });
  } finally {
    libc.close(one);
    libc.close(other);
  }
}

/** Our own token, if LOCAL_PEERTOKEN is what we take it for. */
function ownToken(libc: Libc, fd: Fd): Uint8Array | undefined {
  const token = getPeerToken(libc, fd);
  const fields = token instanceof SysFailure ? undefined : decodeAuditToken(token);
  const live = getUniqueIdentifiers(libc, process.pid as Pid);
  if (token instanceof SysFailure || fields === undefined || live instanceof SysFailure) return undefined;
  const ours = fields.pid === process.pid && fields.effectiveUid === process.geteuid?.() && fields.pidVersion === live.idVersion;
  return ours ? token : undefined;
}

function socketPair(libc: Libc): readonly [Fd, Fd] {
  const pair = new Int32Array(2);
  if (libc.socketpair(AF_UNIX, SOCK_STREAM, 0, pair) !== 0) {
    throw new PortcullisError('PLATFORM_PROBE', new SysFailure('socketpair(AF_UNIX, SOCK_STREAM, 0)', libc.errno()).toString());
  }
  return [(pair[0] ?? -1) as Fd, (pair[1] ?? -1) as Fd];
}
