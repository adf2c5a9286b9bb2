import type { ErrorFacts, ListenException } from '@portcullis/core';
import { ancestorFault, components, effectiveUid, Exceptions, failureFacts, inodeFacts, parentFaults, readInode, refusal, splitPath, systemRefusal } from '@portcullis/core/platform/listen';
import { ENOENT, ENOTDIR, SysFailure } from '../ffi/errno.js';
import { closeFd } from '../ffi/file.js';
import { O_DIRECTORY } from './flags.js';
import type { HeldFolder } from './held-folder.js';
import { PATH_LIMITS } from './socket-address.js';
import { readLink } from './symlink.js';
import { Trail } from './trail.js';

/** As many links as the kernel follows (linux/namei.h MAXSYMLINKS). */
const MOST_LINKS = 40;

/** Where a socket is to be bound. `folder` is the holder's to close. */
export interface HeldParent {
  readonly folder: HeldFolder;
  readonly name: string;
  readonly used: readonly ListenException[];
}

/**
 * Walks to the parent folder of `path`, one component at a time, each looked up in the folder that is held and was
 * checked before: nobody but root or we can change what the walk has passed (T18). Throws `LISTEN_PATH`,
 * `LISTEN_PARENT_MISSING`, `LISTEN_PARENT_UNSAFE`, `LISTEN_ANCESTOR_UNSAFE`, `LISTEN_SYMLINK`, `LISTEN_SYSTEM`.
 */
export function walkToParent(path: string, granted: ReadonlySet<ListenException>): HeldParent {
  const { folders, name } = splitPath(path, PATH_LIMITS);
  const exceptions = new Exceptions(granted);
  const trail = new Trail(path);
  try {
    const pending = [...folders];
    let links = 0;
    for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
      checkAncestor(path, trail, exceptions); // before the look-up: what an unsafe folder answers proves nothing
      if (next === '..') {
        trail.up();
        continue;
      }
      const target = enter(path, trail, next);
      if (target === undefined) continue;
      if (++links > MOST_LINKS) throw tooManyLinks(path, trail.top.folder.pathOf(next));
      if (target.startsWith('/')) trail.toRoot();
      pending.unshift(...components(target));
    }
    checkParent(path, trail, exceptions);
    return { folder: trail.takeTop(), name, used: exceptions.used };
  } finally {
    trail.close();
  }
}

/** Goes down into a folder, or returns where a link leads. */
function enter(path: string, trail: Trail, name: string): string | undefined {
  const { folder, inode } = trail.top;
  let fd = folder.open(name, O_DIRECTORY);
  // A link that is not followed, or no folder at all. Opened again without the flag, and judged by what this one holds.
  if (fd instanceof SysFailure && fd.errno === ENOTDIR) fd = folder.open(name);
  if (fd instanceof SysFailure) throw cannotEnter(path, folder.pathOf(name), fd);
  const found = readInode(fd);
  if (found.kind === 'folder') {
    trail.down(name, fd);
    return undefined;
  }
  try {
    if (found.kind === 'link') return readLink(path, folder.pathOf(name), fd, found, inode);
    throw missing(path, folder.pathOf(name), 'is no folder', inodeFacts(found));
  } finally {
    closeFd(fd);
  }
}

function checkAncestor(path: string, trail: Trail, exceptions: Exceptions): void {
  const { folder, inode } = trail.top;
  const fault = ancestorFault(inode, effectiveUid());
  if (fault === undefined || exceptions.excuse('ancestor-unsafe')) return;
  const why = fault === 'owner' ? 'belongs to neither root nor us' : 'may be written by others';
  throw refusal({
    code: 'LISTEN_ANCESTOR_UNSAFE',
    message: `the folder \`${folder.path}\` above the socket ${why}`,
    remedy: 'choose another path, correct its owner and mode, or grant the exception `ancestor-unsafe`',
    facts: { path, component: folder.path, reason: fault, exception: 'ancestor-unsafe', ...inodeFacts(inode) },
  });
}

function checkParent(path: string, trail: Trail, exceptions: Exceptions): void {
  const { folder, inode } = trail.top;
  for (const fault of parentFaults(inode, effectiveUid())) {
    if (exceptions.excuse(fault)) continue;
    const foreign = fault === 'parent-foreign';
    throw refusal({
      code: 'LISTEN_PARENT_UNSAFE',
      message: `the folder \`${folder.path}\` ${foreign ? 'belongs to neither root nor us' : 'may be written by its group or by others'}`,
      remedy: `make a folder of its own for the socket, mode 0755 or narrower, or grant the exception \`${fault}\``,
      facts: { path, component: folder.path, reason: foreign ? 'owner' : 'writable', exception: fault, ...inodeFacts(inode) },
    });
  }
}

function cannotEnter(path: string, component: string, failure: SysFailure): Error {
  if (failure.errno === ENOENT) return missing(path, component, 'does not exist', failureFacts(failure), failure);
  return systemRefusal(path, component, failure);
}

function missing(path: string, component: string, what: string, facts: ErrorFacts, cause?: unknown): Error {
  return refusal({
    code: 'LISTEN_PARENT_MISSING',
    message: `\`${component}\` on the way to the socket ${what}`,
    remedy: 'make the folder, owned by root or by the user of the gateway',
    facts: { path, component, ...facts },
    cause,
  });
}

function tooManyLinks(path: string, component: string): Error {
  return refusal({
    code: 'LISTEN_SYMLINK',
    message: `more than ${String(MOST_LINKS)} links lead to the socket`,
    remedy: 'name the folder by its real path',
    facts: { path, component, reason: 'too-many', links: MOST_LINKS },
  });
}
