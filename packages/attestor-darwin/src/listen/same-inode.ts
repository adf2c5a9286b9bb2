import { sameInode as sameNumbers, type Inode } from '@portcullis/core/platform/listen';

/** Without a descriptor that holds one of the two: APFS never gives an inode number to another file, and HFS+ tells them apart by their birth. */
export function sameInode(a: Inode, b: Inode): boolean {
  return sameNumbers(a, b) && a.birthNs === b.birthNs;
}
