import type { Fd } from '@portcullis/core';
import { NS_GET_USERNS } from './constants.js';
import { closeFd } from './file.js';
import { libc } from './libc.js';
import { inodeOf } from './statx.js';

/** `ioctl(namespace, NS_GET_USERNS)`: the inode of the user namespace that owns it; undefined also where that is not below ours. Linux 4.9. */
export function ownerOfNamespace(namespace: Fd): bigint | undefined {
  const fd = libc().ioctl(namespace, NS_GET_USERNS, null);
  if (fd < 0) return undefined;
  const inode = inodeOf(fd);
  closeFd(fd as Fd);
  return inode;
}
