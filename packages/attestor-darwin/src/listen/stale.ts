import { effectiveUid, type Inode, inodeFacts, inUse, refusal, systemRefusal } from '@portcullis/core/platform/listen';
import type { SysFailure } from '../ffi/errno.js';
import type { Libc } from '../ffi/libc.js';
import { livenessOf, type Liveness } from './liveness.js';
import type { HeldParent } from './walk.js';

/** Binds our socket to the name: undefined when it did. */
export type Bind = () => SysFailure | undefined;

/**
 * Makes way where the name is taken, by removing a socket of ours that nobody is bound to, and binds. Returns whether
 * something was removed. The caller holds the name's lock: without it another gateway could be between making the inode
 * and attaching its socket, where a live name looks dead. Throws `LISTEN_EXISTS`, `LISTEN_STALE_FOREIGN`, `LISTEN_IN_USE`,
 * `LISTEN_SYSTEM`.
 */
export function takeOver(libc: Libc, path: string, { folder, name }: HeldParent, bind: Bind): boolean {
  const component = folder.pathOf(name);
  const inode = folder.look(name);
  if (inode === undefined) {
    if (bound(path, component, bind())) return false; // it went away by itself
    throw inUse(path, component, 'race');
  }
  const liveness = (): Liveness => livenessOf(libc, folder, name);
  refuseOthers(path, component, inode, liveness);
  const alive = liveness();
  if (alive === 'bound') throw inUse(path, component, 'bound', undefined, inode);
  if (alive !== 'dead') throw inUse(path, component, 'unproven', alive, inode);
  // Removed only if the name still leads to the dead inode, whose number no other file gets.
  if (!folder.leadsTo(name, inode)) throw inUse(path, component, 'race');
  const failed = folder.unlink(name);
  if (failed !== undefined) throw systemRefusal(path, component, failed);
  if (bound(path, component, bind())) return true;
  throw inUse(path, component, 'race'); // a program without the lock was faster: what it made is its own
}

/** Whether the bind succeeded; a failure other than a taken name throws. */
export function bound(path: string, component: string, failure: SysFailure | undefined): boolean {
  if (failure === undefined) return true;
  if (failure.is('EADDRINUSE')) return false;
  throw systemRefusal(path, component, failure);
}

/** What is no socket, or not ours, is never removed. */
function refuseOthers(path: string, component: string, inode: Inode, liveness: () => Liveness): void {
  if (inode.kind !== 'socket') {
    throw refusal({
      code: 'LISTEN_EXISTS',
      message: `\`${component}\` exists and is no socket`,
      remedy: 'remove it by hand, or choose another path',
      facts: { path, component, ...inodeFacts(inode) },
    });
  }
  if (inode.uid === effectiveUid()) return;
  const alive = liveness();
  throw refusal({
    code: 'LISTEN_STALE_FOREIGN',
    message: `\`${component}\` is a socket of uid ${String(inode.uid)}`,
    remedy: 'have its owner remove it, or choose another path',
    facts: { path, component, liveness: typeof alive === 'string' ? alive : 'unproven', ...inodeFacts(inode) },
  });
}
