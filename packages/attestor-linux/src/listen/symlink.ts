import type { Fd } from '@portcullis/core';
import { type Inode, inodeFacts, linkFault, refusal, systemRefusal } from '@portcullis/core/platform/listen';
import { SysFailure } from '../ffi/errno.js';
import { libc } from '../ffi/libc.js';

const LONGEST_TARGET = 4096; // linux/limits.h PATH_MAX
const EMPTY = new Uint8Array(1);

/**
 * `readlinkat(fd, "", …)`: where a link leads that is held by `fd`, so that owner and target are of the same inode even
 * if the name was given to another since (T18). Throws `LISTEN_SYMLINK` unless the link may be followed.
 */
export function readLink(path: string, component: string, fd: Fd, link: Inode, folder: Inode): string {
  const fault = linkFault(link, folder);
  if (fault !== undefined) {
    const why = fault === 'owner' ? 'is not root\'s' : 'has more than one name, in a folder that others may write';
    throw bad(path, component, fault, `the link \`${component}\` ${why}`, link);
  }
  const memory = new Uint8Array(LONGEST_TARGET);
  const count = libc().readlinkat(fd, EMPTY, memory, memory.length);
  if (count < 0) throw systemRefusal(path, component, new SysFailure(`readlinkat(${String(fd)}, "")`, libc().errno()));
  if (count >= LONGEST_TARGET) throw bad(path, component, 'too-long', `the target of \`${component}\` is too long`, link);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(memory.subarray(0, count));
  } catch {
    throw bad(path, component, 'encoding', `the target of \`${component}\` is not UTF-8`, link); // I11
  }
}

function bad(path: string, component: string, reason: string, message: string, link: Inode): Error {
  return refusal({
    code: 'LISTEN_SYMLINK',
    message,
    remedy: 'name the folder by its real path',
    facts: { path, component, reason, ...inodeFacts(link) },
  });
}
