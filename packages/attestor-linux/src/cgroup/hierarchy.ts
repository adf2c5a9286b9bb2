import { CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC } from '../ffi/constants.js';
import { SysFailure } from '../ffi/errno.js';
import { cPath } from '../ffi/file.js';
import { libc } from '../ffi/libc.js';
import { statPath } from '../ffi/statx.js';
import type { CgroupLine } from '../proc/parse-cgroup.js';

const BASE = '/sys/fs/cgroup';
/** kernfs numbers its root so (fs/kernfs/dir.c). A mount that begins deeper, as one made in a cgroup namespace does, has another. */
const ROOT_INODE = 1n;

/**
 * Where the hierarchy of a line is mounted for *us*, whole; undefined where it is not. Looked for at the places that
 * file-hierarchy(7) and every distribution use: version 2 alone or beside version 1 (hybrid), a version 1 hierarchy by
 * its controllers. No mount table is read for this, ours or another's (T8).
 */
export function hierarchyOf(line: CgroupLine): string | undefined {
  return placesOf(line).find((place) => isHierarchy(place, line.hierarchy === 0 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC));
}

function placesOf({ hierarchy, controllers }: CgroupLine): readonly string[] {
  if (hierarchy === 0) return [BASE, `${BASE}/unified`];
  const names = controllers.map((name) => name.replace(/^name=/, ''));
  return [names.join(','), ...names].map((name) => `${BASE}/${name}`);
}

function isHierarchy(place: string, magic: number): boolean {
  const path = cPath(place);
  const statfs = new BigUint64Array(16);
  if (libc().statfs(path, statfs) !== 0 || statfs[0] !== BigInt(magic)) return false;
  const root = statPath(path, place);
  return !(root instanceof SysFailure) && root.ino === ROOT_INODE;
}
