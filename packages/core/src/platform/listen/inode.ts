import { fstatSync, lstatSync, type BigIntStats } from 'node:fs';
import type { Fd } from '../../peer.js';

export type InodeKind = 'folder' | 'link' | 'socket' | 'file' | 'other';

/** What an inode is and whose. Equal `dev` and `ino` mean the same inode only while a descriptor holds one of the two. */
export interface Inode {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly kind: InodeKind;
  /** Permission bits with set-id and sticky: `mode & 07777`. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly links: number;
  /** When the file was made; what a file system that does not know says here varies. */
  readonly birthNs: bigint;
}

/** `fstat(fd)`: on Linux it answers for an O_PATH descriptor too, of a link as well (3.6). */
export function readInode(fd: Fd): Inode {
  return fromStats(fstatSync(fd, { bigint: true }));
}

/** `lstat(path)`: undefined where nothing is, or where we may not look. Looked up anew at each call: compare, never trust. */
export function readInodeRacy(path: string): Inode | undefined {
  try {
    const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    return stats === undefined ? undefined : fromStats(stats);
  } catch {
    return undefined; // EACCES, ELOOP, ENAMETOOLONG: it does not lead anywhere that we can see
  }
}

export function sameInode(a: Inode, b: Inode): boolean {
  return a.dev === b.dev && a.ino === b.ino && a.kind === b.kind;
}

/** `0755`, as chmod(1) spells it. */
export function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

function fromStats(stats: BigIntStats): Inode {
  return {
    dev: stats.dev,
    ino: stats.ino,
    kind: kindOf(stats),
    mode: Number(stats.mode & 0o7777n),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    links: Number(stats.nlink),
    birthNs: stats.birthtimeNs,
  };
}

function kindOf(stats: BigIntStats): InodeKind {
  if (stats.isDirectory()) return 'folder';
  if (stats.isSymbolicLink()) return 'link';
  if (stats.isSocket()) return 'socket';
  return stats.isFile() ? 'file' : 'other';
}
