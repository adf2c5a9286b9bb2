import type { ListenException } from '../../listener.js';
import type { Inode } from './inode.js';

const ROOT = 0;
/** Any bit that lets the group or others write. */
const GROUP_OR_OTHER_WRITE = 0o022;
const STICKY = 0o1000;

function ownedByRootOrUs(inode: Inode, us: number): boolean {
  return inode.uid === ROOT || inode.uid === us;
}

/**
 * Why a folder cannot be trusted to keep its entries in place, or undefined. A sticky folder of root's passes (T18):
 * in /tmp nobody can rename or remove what root or we own. An access list shows in the group bits on Linux, as its mask; on macOS it
 * does not show in the mode, and what one grants is not seen here.
 */
export function ancestorFault(folder: Inode, us: number): 'owner' | 'writable' | undefined {
  if (!ownedByRootOrUs(folder, us)) return 'owner';
  if ((folder.mode & GROUP_OR_OTHER_WRITE) === 0) return undefined;
  return folder.uid === ROOT && (folder.mode & STICKY) !== 0 ? undefined : 'writable';
}

/** What a listener in this folder would have to be exempt from. Sticky does not help: anybody may take a name first (T18). */
export function parentFaults(folder: Inode, us: number): readonly ListenException[] {
  const faults: ListenException[] = [];
  if ((folder.mode & GROUP_OR_OTHER_WRITE) !== 0) faults.push('parent-writable');
  if (!ownedByRootOrUs(folder, us)) faults.push('parent-foreign');
  return faults;
}

/**
 * Whether a link is followed: only root's (on macOS: /tmp, /var, /etc). In a folder that others may write, only one that has a single name, since
 * anybody may hard-link a link of root's there (fs.protected_hardlinks = 0) and so choose where it leads from.
 */
export function linkFault(link: Inode, folder: Inode): 'owner' | 'hard-link' | undefined {
  if (link.uid !== ROOT) return 'owner';
  if ((folder.mode & GROUP_OR_OTHER_WRITE) !== 0 && link.links !== 1) return 'hard-link';
  return undefined;
}

/** Our effective uid: what a new inode is owned by, and what the kernel checks. */
export function effectiveUid(): number {
  const uid = process.geteuid?.();
  if (uid === undefined) throw new TypeError('process.geteuid() is not there: not a POSIX system');
  return uid;
}
