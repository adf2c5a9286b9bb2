import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = '/sys/fs/cgroup';
/** The group of version 2 in which the features are looked at. Its id is its inode. */
export const GROUP = join(ROOT, 'lab');
/** What is written on it, as `cgroup-xattr:lab`. */
const VALUE = 'seen';

/** Makes the group, as root, and moves this process there, and with it what it starts. Where nothing can be written on a group, a look says so. */
export function enterGroup(): void {
  mkdirSync(GROUP);
  const { error } = spawnSync('/lab/peers/set-attribute', [GROUP, 'user.lab', VALUE], { stdio: 'inherit' });
  if (error !== undefined) throw error;
  move(GROUP);
}

/** The tests begin where the guest began. */
export function leaveGroup(): void {
  move(ROOT);
}

function move(group: string): void {
  writeFileSync(join(group, 'cgroup.procs'), String(process.pid));
}
