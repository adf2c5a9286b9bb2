import { readFileSync } from 'node:fs';

/** Those that the kernel answers for by itself, and no program or other machine. */
const LOCAL = new Set(['bcachefs', 'btrfs', 'erofs', 'ext2', 'ext3', 'ext4', 'f2fs', 'overlay', 'ramfs', 'rootfs', 'squashfs', 'tmpfs', 'xfs', 'zfs']);

export const isLocal = (kind) => LOCAL.has(kind);

/** The kind of the file system behind a descriptor, by the kernel's own list of our mounts: it is not asked itself. */
export function fileSystemOf(fd) {
  const [, id] = /^mnt_id:\t(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1')) ?? [];
  const line = readFileSync('/proc/self/mountinfo', 'latin1').split('\n').find((one) => one.startsWith(`${id} `));
  return line?.split(' - ')[1]?.split(' ')[0]; // proc_pid_mountinfo(5): what a mount is called is escaped, and has no space
}
