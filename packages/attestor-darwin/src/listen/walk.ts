import { closeSync, constants, openSync, readlinkSync } from 'node:fs';
import type { ErrorFacts, Fd, ListenException } from '@portcullis/core';
import { ancestorFault, components, effectiveUid, Exceptions, type Inode, inodeFacts, linkFault, nodeRefusal, parentFaults, readInode, readInodeRacy, refusal, splitPath } from '@portcullis/core/platform/listen';
import type { Libc } from '../ffi/libc.js';
import { SUN_PATH } from '../ffi/unix-address.js';
import { HeldFolder } from './held-folder.js';
import { sameInode } from './same-inode.js';

/** A socket is bound by its name alone, in the folder that is held. A path: PATH_MAX without its NUL (bsd/sys/syslimits.h). */
const PATH_LIMITS = { longestName: SUN_PATH, longestPath: 1023 };
/** As many links as the kernel follows (bsd/sys/param.h MAXSYMLINKS). */
const MOST_LINKS = 32;

/** Where a socket is to be bound. `folder` is the holder's to close. */
export interface HeldParent {
  readonly folder: HeldFolder;
  readonly name: string;
  readonly used: readonly ListenException[];
}

/**
 * Walks to the parent folder of `path`, one component at a time: nobody but root or we can change what the walk has
 * passed, so that its path may be used (T18). The parent is then held, and must be what the walk saw. Under an exception
 * that does not hold: the parent stays what is held, and how it is reached is checked again after the bind. Throws
 * `LISTEN_PATH`, `LISTEN_PARENT_MISSING`, `LISTEN_PARENT_UNSAFE`, `LISTEN_ANCESTOR_UNSAFE`, `LISTEN_SYMLINK`, `LISTEN_SYSTEM`.
 */
export function walkToParent(libc: Libc, path: string, granted: ReadonlySet<ListenException>): HeldParent {
  const { folders, name } = splitPath(path, PATH_LIMITS);
  const exceptions = new Exceptions(granted);
  const seen = walk(path, folders, exceptions);
  const folder = hold(libc, path, seen);
  try {
    checkParent(path, folder, exceptions);
  } catch (error) {
    folder.close();
    throw error;
  }
  return { folder, name, used: exceptions.used };
}

interface Seen {
  readonly path: string;
  readonly inode: Inode;
}

function walk(path: string, folders: readonly string[], exceptions: Exceptions): Seen {
  const pending = [...folders];
  const trail: Seen[] = [lookAt(path, '/')];
  let links = 0;
  for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
    const top = trail.at(-1) ?? lookAt(path, '/');
    checkAncestor(path, top, exceptions); // before the look-up: what an unsafe folder answers proves nothing
    if (next === '..') {
      if (trail.length > 1) trail.pop(); // to the one that was passed: never looked up
      continue;
    }
    const found = lookAt(path, top.path === '/' ? `/${next}` : `${top.path}/${next}`);
    if (found.inode.kind === 'folder') trail.push(found);
    else if (found.inode.kind !== 'link') throw missing(path, found.path, 'is no folder', inodeFacts(found.inode));
    else {
      if (++links > MOST_LINKS) throw tooManyLinks(path, found.path);
      const target = targetOf(path, found, top.inode);
      if (target.startsWith('/')) trail.length = 1;
      pending.unshift(...components(target));
    }
  }
  return trail.at(-1) ?? lookAt(path, '/');
}

function lookAt(path: string, component: string): Seen {
  const inode = readInodeRacy(component);
  if (inode === undefined) throw missing(path, component, 'does not exist, or may not be looked at', {});
  return { path: component, inode };
}

function hold(libc: Libc, path: string, seen: Seen): HeldFolder {
  let fd: Fd;
  try {
    fd = openSync(seen.path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW) as Fd;
  } catch (cause) {
    throw nodeRefusal(path, seen.path, cause);
  }
  if (sameInode(readInode(fd), seen.inode)) return new HeldFolder(libc, fd, seen.path);
  closeSync(fd);
  throw missing(path, seen.path, 'was changed while the gateway looked at it', {});
}

function targetOf(path: string, { path: component, inode }: Seen, folder: Inode): string {
  const fault = linkFault(inode, folder);
  if (fault !== undefined) {
    const why = fault === 'owner' ? 'is not root\'s' : 'has more than one name, in a folder that others may write';
    throw badLink(path, component, fault, `the link \`${component}\` ${why}`, inode);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readlinkSync(component, { encoding: 'buffer' }));
  } catch (cause) {
    if (cause instanceof TypeError) throw badLink(path, component, 'encoding', `the target of \`${component}\` is not UTF-8`, inode); // I11
    throw nodeRefusal(path, component, cause);
  }
}

function checkAncestor(path: string, { path: component, inode }: Seen, exceptions: Exceptions): void {
  const fault = ancestorFault(inode, effectiveUid());
  if (fault === undefined || exceptions.excuse('ancestor-unsafe')) return;
  const why = fault === 'owner' ? 'belongs to neither root nor us' : 'may be written by others';
  throw refusal({
    code: 'LISTEN_ANCESTOR_UNSAFE',
    message: `the folder \`${component}\` above the socket ${why}`,
    remedy: 'choose another path, correct its owner and mode, or grant the exception `ancestor-unsafe`',
    facts: { path, component, reason: fault, exception: 'ancestor-unsafe', ...inodeFacts(inode) },
  });
}

function checkParent(path: string, folder: HeldFolder, exceptions: Exceptions): void {
  const { inode } = folder;
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

function missing(path: string, component: string, what: string, facts: ErrorFacts): Error {
  return refusal({
    code: 'LISTEN_PARENT_MISSING',
    message: `\`${component}\` on the way to the socket ${what}`,
    remedy: 'make the folder, owned by root or by the user of the gateway',
    facts: { path, component, ...facts },
  });
}

function badLink(path: string, component: string, reason: string, message: string, link: Inode): Error {
  return refusal({ code: 'LISTEN_SYMLINK', message, remedy: 'name the folder by its real path', facts: { path, component, reason, ...inodeFacts(link) } });
}

function tooManyLinks(path: string, component: string): Error {
  return refusal({
    code: 'LISTEN_SYMLINK',
    message: `more than ${String(MOST_LINKS)} links lead to the socket`,
    remedy: 'name the folder by its real path',
    facts: { path, component, reason: 'too-many', links: MOST_LINKS },
  });
}
