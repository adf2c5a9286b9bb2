import { effectiveUid, type Inode, inodeFacts, readInode, readInodeRacy, refusal, sameInode, type SettledOptions, systemRefusal } from '@portcullis/core/platform/listen';
import { AT_EMPTY_PATH, AT_FDCWD } from '../ffi/constants.js';
import { EACCES, SysFailure } from '../ffi/errno.js';
import { cPath } from '../ffi/file.js';
import { libc } from '../ffi/libc.js';
import type { BoundName } from './bound-name.js';
import { SAME_OWNER } from './flags.js';
import { livenessOf } from './liveness.js';

/**
 * Gives the bound socket its group and its mode, then looks whether everything is as asked (T18). Before the listen:
 * nobody connects to what was not verified. Throws `LISTEN_VERIFY`, `LISTEN_SYSTEM`.
 */
export function settleAndVerify(name: BoundName, options: SettledOptions): void {
  const path = name.folder.pathOf(name.name);
  // Under an exception somebody may have put another inode in our place: looked at through a handle, before it is changed.
  verifyMade(options.path, path, readInode(name.handle));
  setGroup(options, path, name);
  setMode(options, path, name);
  verifyBound(options, path, name);
  const inode = readInode(name.handle);
  if (inode.mode !== options.mode) throw unlike(options.path, path, 'mode', inode);
  if (options.gid !== undefined && inode.gid !== options.gid) throw unlike(options.path, path, 'group', inode);
  if (!name.stillOurs()) throw unlike(options.path, path, 'name', inode);
  // A folder that was moved since the walk: the socket is where we hold it, and not where we would say it is.
  const reached = readInodeRacy(path);
  if (reached === undefined || !sameInode(reached, inode)) throw unlike(options.path, path, 'path', inode);
}

/** A socket of ours with one name. In a folder that only root and we can write, it is the one just made. */
function verifyMade(path: string, component: string, inode: Inode): void {
  if (inode.kind !== 'socket') throw unlike(path, component, 'kind', inode);
  if (inode.uid !== effectiveUid()) throw unlike(path, component, 'owner', inode);
  if (inode.links !== 1) throw unlike(path, component, 'links', inode);
}

/** A socket is bound to it: a dead one of ours that somebody linked here under an exception is not what we made. */
function verifyBound(options: SettledOptions, component: string, name: BoundName): void {
  const liveness = livenessOf(name.handle);
  if (liveness === 'dead') throw unlike(options.path, component, 'liveness', readInode(name.handle));
  // A mode that shuts out its own owner was asked for: then only root can ask, and we may not be root.
  const shutOut = liveness instanceof SysFailure && liveness.errno === EACCES && (options.mode & 0o200) === 0;
  if (liveness !== 'bound' && !shutOut) throw systemRefusal(options.path, component, liveness);
}

/** `fchownat(handle, "", -1, gid, AT_EMPTY_PATH)`. Until here the group had no permission, since it was the wrong one. */
function setGroup(options: SettledOptions, component: string, name: BoundName): void {
  const { handle } = name;
  if (options.gid === undefined) return;
  if (libc().fchownat(handle, new Uint8Array(1), SAME_OWNER, options.gid, AT_EMPTY_PATH) === 0) return;
  const call = `fchownat(${String(handle)}, "", -1, ${String(options.gid)}, AT_EMPTY_PATH)`;
  throw systemRefusal(options.path, component, new SysFailure(call, libc().errno()));
}

/** `fchmodat(AT_FDCWD, "/proc/self/fd/<handle>", mode, 0)`: only widens, after the umask or after the change of group. */
function setMode(options: SettledOptions, component: string, name: BoundName): void {
  const { handle } = name;
  if (readInode(handle).mode === options.mode) return;
  const through = `/proc/self/fd/${String(handle)}`; // leads to the handle's own inode, whatever has the name
  if (libc().fchmodat(AT_FDCWD, cPath(through), options.mode, 0) === 0) return;
  throw systemRefusal(options.path, component, new SysFailure(`fchmodat(AT_FDCWD, "${through}")`, libc().errno()));
}

type Unlike = 'kind' | 'owner' | 'links' | 'liveness' | 'mode' | 'group' | 'name' | 'path';

function unlike(path: string, component: string, reason: Unlike, inode: Inode): Error {
  return refusal({
    code: 'LISTEN_VERIFY',
    message: `what was bound at \`${component}\` is not what was asked: its ${reason} differs`,
    remedy: 'see who changes the folder while the gateway starts',
    facts: { path, component, reason, ...inodeFacts(inode) },
  });
}
