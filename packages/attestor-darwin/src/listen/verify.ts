import { effectiveUid, type Inode, inodeFacts, readInodeRacy, refusal, type SettledOptions, systemRefusal } from '@portcullis/core/platform/listen';
import { SysFailure } from '../ffi/errno.js';
import type { Libc } from '../ffi/libc.js';
import type { HeldFolder } from './held-folder.js';
import { livenessOf } from './liveness.js';
import { sameInode } from './same-inode.js';

/**
 * Gives the bound socket its group, then looks whether everything is as asked (T18). Before the listen: nobody connects to
 * what was not verified. Returns the inode that we made. Throws `LISTEN_VERIFY`, `LISTEN_SYSTEM`.
 */
export function settleAndVerify(libc: Libc, folder: HeldFolder, name: string, options: SettledOptions): Inode {
  const component = folder.pathOf(name);
  const made = looked(folder, name, options, component);
  const unlike = (reason: string, inode: Inode): Error => refusal({
    code: 'LISTEN_VERIFY',
    message: `what was bound at \`${component}\` is not what was asked: its ${reason} differs`,
    remedy: 'see who changes the folder while the gateway starts',
    facts: { path: options.path, component, reason, ...inodeFacts(inode) },
  });
  // A socket of ours with one name. In a folder that only root and we can write, it is the one just made.
  if (made.kind !== 'socket') throw unlike('kind', made);
  if (made.uid !== effectiveUid()) throw unlike('owner', made);
  if (made.links !== 1) throw unlike('links', made);
  setGroup(folder, name, options, component);
  // a dead one of ours that somebody put here under an exception is not what we made
  const liveness = livenessOf(libc, folder, name);
  if (liveness === 'dead') throw unlike('liveness', made);
  // A mode that shuts out its own owner was asked for: then only root can ask, and we may not be root.
  const shutOut = liveness instanceof SysFailure && liveness.is('EACCES') && (options.mode & 0o200) === 0;
  if (liveness instanceof SysFailure && !shutOut) throw systemRefusal(options.path, component, liveness);
  const inode = looked(folder, name, options, component);
  if (!sameInode(inode, made)) throw unlike('name', inode);
  if (inode.mode !== options.mode) throw unlike('mode', inode);
  if (options.gid !== undefined && inode.gid !== options.gid) throw unlike('group', inode);
  // A folder that was moved since the walk: the socket is where we hold it, and not where we would say it is.
  const reached = readInodeRacy(component);
  if (reached === undefined || !sameInode(reached, inode)) throw unlike('path', inode);
  return inode;
}

function looked(folder: HeldFolder, name: string, { path }: SettledOptions, component: string): Inode {
  const inode = folder.look(name);
  if (inode !== undefined) return inode;
  throw refusal({ code: 'LISTEN_VERIFY', message: `what was bound at \`${component}\` is gone`, remedy: 'see who changes the folder while the gateway starts', facts: { path, component, reason: 'name' } });
}

/** Until here the group had no permission, since it was the folder's. */
function setGroup(folder: HeldFolder, name: string, { path, gid, mode }: SettledOptions, component: string): void {
  if (gid === undefined) return;
  const failed = folder.chgrp(name, gid) ?? folder.chmod(name, mode);
  if (failed !== undefined) throw systemRefusal(path, component, failed);
}
