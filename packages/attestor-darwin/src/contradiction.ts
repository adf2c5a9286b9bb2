import type { PeerCredentials, PeerRefusal } from '@portcullis/core';
import type { AuditToken, UniqueIdentifiers } from './ffi/layout.js';

/**
 * The comparisons of T23, pure. Only LOCAL_PEERCRED is frozen at connect: LOCAL_PEERPID is the last process that used the
 * socket, and LOCAL_PEERTOKEN is looked up by that pid when it is asked. Each returns why the process that the kernel
 * names cannot be the one that connected; undefined means that nothing speaks against it, which proves nothing about
 * another process of the same user.
 */
export function tokenContradiction(credentials: PeerCredentials, token: AuditToken): PeerRefusal | undefined {
  const { pid, uid } = credentials;
  if (token.pid !== pid) return changed(credentials, `LOCAL_PEERPID said pid ${String(pid)}, LOCAL_PEERTOKEN says ${String(token.pid)}`);
  // another user's process there is a passed descriptor or a reused pid; or the peer changed its user after it connected
  if (token.effectiveUid !== uid) return changed(credentials, `LOCAL_PEERCRED says uid ${String(uid)}, LOCAL_PEERTOKEN says ${String(token.effectiveUid)}`);
  return undefined;
}

/** Somebody uses the socket in the name of another process (SO_DELEGATED): then neither is the peer alone. */
export function delegation(credentials: PeerCredentials, effectivePid: number): PeerRefusal | undefined {
  if (effectivePid === credentials.pid) return undefined;
  return changed(credentials, `LOCAL_PEERPID said pid ${String(credentials.pid)}, LOCAL_PEEREPID says ${String(effectivePid)}`);
}

/**
 * The kernel notes the UUID of the executable when a process first uses the socket, and not again when that process runs
 * another program: connect-then-exec (T2) shows here even when it came before the accept.
 */
export function imageContradiction(credentials: PeerCredentials, token: AuditToken, uuidAtUse: string, live: UniqueIdentifiers): PeerRefusal | undefined {
  if (live.idVersion !== token.pidVersion) {
    return changed(credentials, `the pid version of ${String(token.pid)} is ${String(token.pidVersion)} by LOCAL_PEERTOKEN and ${String(live.idVersion)} by proc_pidinfo`);
  }
  if (live.executableUuid === uuidAtUse) return undefined;
  return changed(credentials, `LOCAL_PEERUUID is ${uuidAtUse}, and the process runs ${live.executableUuid}`);
}

/**
 * Whether two tokens of one connection, from before the first look and after the last, are of one process and one
 * program image (I3, I7).
 */
export function tokenChange(credentials: PeerCredentials, before: AuditToken, after: AuditToken): PeerRefusal | undefined {
  if (before.pid !== after.pid) return changed(credentials, `LOCAL_PEERTOKEN named pid ${String(before.pid)}, then ${String(after.pid)}`);
  // the version counts on with every exec: this is what closes connect-then-exec (T2), and a reused pid (T1)
  if (before.pidVersion !== after.pidVersion) {
    return changed(credentials, `the pid version of ${String(before.pid)} went from ${String(before.pidVersion)} to ${String(after.pidVersion)}`);
  }
  return tokenContradiction(credentials, after);
}

function changed(credentials: PeerCredentials, detail: string): PeerRefusal {
  return { refused: 'peer-changed', detail, credentials };
}
