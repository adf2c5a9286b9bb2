import type { Fd } from '@portcullis/core';
import { effectiveUid, type Inode, inodeFacts, inUse, readInode, refusal, systemRefusal } from '@portcullis/core/platform/listen';
import { EADDRINUSE, ENOENT, SysFailure } from '../ffi/errno.js';
import { closeFd } from '../ffi/file.js';
import { livenessOf } from './liveness.js';
import type { HeldParent } from './walk.js';

/** Binds our socket to the name: undefined when it did. */
export type Bind = () => SysFailure | undefined;

/**
 * Makes way where the name is taken, by removing a socket of ours that nobody is bound to, and binds. Returns whether
 * something was removed. The caller holds the name's lock. Throws `LISTEN_EXISTS`, `LISTEN_STALE_FOREIGN`,
 * `LISTEN_IN_USE`, `LISTEN_SYSTEM`.
 */
export function takeOver(path: string, parent: HeldParent, bind: Bind): boolean {
  const { folder, name } = parent;
  const component = folder.pathOf(name);
  const handle = folder.open(name);
  if (handle instanceof SysFailure) {
    if (handle.errno !== ENOENT) throw systemRefusal(path, component, handle);
    if (bound(path, component, bind())) return false; // it went away by itself
    throw inUse(path, component, 'race');
  }
  try {
    const inode = readInode(handle);
    refuseOthers(path, component, handle, inode);
    // The kernel makes the inode first and attaches the socket after, both under the folder's lock since Linux 5.14: a
    // second bind waits for that lock, so whoever made this inode is attached to it when we ask. Before 5.14 the name's
    // lock keeps other gateways out of that gap.
    if (bound(path, component, bind())) return false;
    const liveness = livenessOf(handle);
    if (liveness === 'bound') throw inUse(path, component, 'bound', undefined, inode);
    if (liveness !== 'dead') throw inUse(path, component, 'unproven', liveness, inode);
    // Removed only if the name still leads to the dead inode, whose number is pinned by the handle. Between this look and
    // the removal only a program that does not know the lock, run by root or by us, could change it.
    if (!folder.leadsTo(name, inode)) throw inUse(path, component, 'race');
    const failed = folder.unlink(name);
    if (failed !== undefined) throw systemRefusal(path, component, failed);
    if (bound(path, component, bind())) return true;
    throw inUse(path, component, 'race'); // a program without the lock was faster: what it made is its own
  } finally {
    closeFd(handle);
  }
}

/** Whether the bind succeeded; a failure other than a taken name throws. */
export function bound(path: string, component: string, failure: SysFailure | undefined): boolean {
  if (failure === undefined) return true;
  if (failure.errno === EADDRINUSE) return false;
  throw systemRefusal(path, component, failure);
}

/** What is no socket, or not ours, is never removed. */
function refuseOthers(path: string, component: string, handle: Fd, inode: Inode): void {
  if (inode.kind !== 'socket') {
    throw refusal({
      code: 'LISTEN_EXISTS',
      message: `\`${component}\` exists and is no socket`,
      remedy: 'remove it by hand, or choose another path',
      facts: { path, component, ...inodeFacts(inode) },
    });
  }
  if (inode.uid === effectiveUid()) return;
  const liveness = livenessOf(handle);
  throw refusal({
    code: 'LISTEN_STALE_FOREIGN',
    message: `\`${component}\` is a socket of uid ${String(inode.uid)}`,
    remedy: 'have its owner remove it, or choose another path',
    facts: { path, component, liveness: liveness instanceof SysFailure ? 'unproven' : liveness, ...inodeFacts(inode) },
  });
}
