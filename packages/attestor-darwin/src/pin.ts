import type { Fd, PeerCredentials, PeerRefusal } from '@portcullis/core';
import { delegation, imageContradiction, tokenContradiction } from './contradiction.js';
import { SysFailure } from './ffi/errno.js';
import { decodeAuditToken, type AuditToken } from './ffi/layout.js';
import type { Libc } from './ffi/libc.js';
import { getUniqueIdentifiers } from './ffi/libproc.js';
import { getPeerEpid, getPeerToken, getPeerUuid } from './ffi/sockopt.js';

/** A process and its program image, by an audit token: the kernel refuses a token whose pid version has moved on. */
export interface Pin {
  readonly token: Uint8Array;
  readonly fields: AuditToken;
}

/** I3: takes the pin, with the comparisons of T23 in their order. */
export function pinPeer(libc: Libc, fd: Fd | undefined, credentials: PeerCredentials): Pin | PeerRefusal {
  const token = readToken(libc, fd, credentials);
  if ('refused' in token || fd === undefined) return token;
  const contradicted = tokenContradiction(credentials, token.fields);
  if (contradicted !== undefined) return contradicted;
  const effectivePid = getPeerEpid(libc, fd);
  if (effectivePid instanceof SysFailure) return lost(effectivePid, credentials);
  const delegated = delegation(credentials, effectivePid);
  if (delegated !== undefined) return delegated;
  const uuid = getPeerUuid(libc, fd);
  if (uuid instanceof SysFailure) return lost(uuid, credentials);
  // last: what the process runs now, compared with what the connection knows of it
  const live = getUniqueIdentifiers(libc, token.fields.pid);
  if (live instanceof SysFailure) return lost(live, credentials);
  return imageContradiction(credentials, token.fields, uuid, live) ?? token;
}

/** LOCAL_PEERTOKEN as it is now. */
export function readToken(libc: Libc, fd: Fd | undefined, credentials: PeerCredentials): Pin | PeerRefusal {
  if (fd === undefined) return { refused: 'no-descriptor', detail: 'the connection was closed before it was pinned', credentials };
  const token = getPeerToken(libc, fd);
  if (token instanceof SysFailure) return lost(token, credentials);
  const fields = decodeAuditToken(token);
  return fields === undefined ? { refused: 'pin-failed', detail: 'LOCAL_PEERTOKEN is no audit token', credentials } : { token, fields };
}

/** ENOTCONN: the other end was closed. EINVAL: its last user is gone (uipc_usrreq.c). ESRCH: the same, of proc_pidinfo. */
function lost(failure: SysFailure, credentials: PeerCredentials): PeerRefusal {
  const exited = failure.is('ENOTCONN', 'EINVAL', 'ESRCH');
  return { refused: exited ? 'peer-exited' : 'pin-failed', detail: failure.toString(), credentials };
}
