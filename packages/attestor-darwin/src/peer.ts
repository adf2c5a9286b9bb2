import type { PeerCredentials, PeerRefusal } from '@portcullis/core';
import type { AuditToken, Xucred } from './ffi/layout.js';

/** What is known of a peer once both were asked: who connected, and the process that the kernel named later. */
export function credentialsOf(frozen: Xucred, token: AuditToken): PeerCredentials {
  return Object.freeze({ pid: token.pid, uid: frozen.uid, gid: frozen.gid });
}

/**
 * Whether the process that the kernel names now can be the one that connected. LOCAL_PEERTOKEN is looked up by the last
 * user of the socket when it is asked, so another user's process there is a passed descriptor or a reused pid (T23).
 * Undefined: nothing speaks against it, which proves nothing about a process of the same user.
 */
export function contradiction(frozen: Xucred, token: AuditToken): PeerRefusal | undefined {
  if (token.effectiveUid === frozen.uid) return undefined;
  return {
    refused: 'peer-changed',
    detail: `LOCAL_PEERCRED says uid ${String(frozen.uid)}, LOCAL_PEERTOKEN says ${String(token.effectiveUid)}`,
    credentials: credentialsOf(frozen, token),
  };
}

/**
 * Whether two tokens of one connection, from before the first look and after the last, are of one process and one
 * program image (I3, I7). Undefined is yes.
 */
export function tokenChange(before: AuditToken, after: AuditToken): PeerRefusal | undefined {
  if (before.pid !== after.pid) {
    return {
      refused: 'peer-changed',
      detail: `LOCAL_PEERTOKEN named pid ${String(before.pid)}, then ${String(after.pid)}`,
    };
  }
  // the version counts on with every exec: this is what closes connect-then-exec (T2), and a reused pid (T1)
  if (before.pidVersion !== after.pidVersion) {
    return {
      refused: 'peer-changed',
      detail: `the pid version of ${String(before.pid)} went from ${String(before.pidVersion)} to ${String(after.pidVersion)}`,
    };
  }
  return undefined;
}
