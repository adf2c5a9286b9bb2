import { AT_SYMLINK_NOFOLLOW } from '../ffi/constants.js';
import { SysFailure } from '../ffi/errno.js';
import { cPath } from '../ffi/file.js';
import { statPath, type FileIdentity } from '../ffi/statx.js';
import { anchoredContainer } from '../proc/container-anchor.js';
import type { CgroupLine } from '../proc/parse-cgroup.js';
import { segmentsOf } from '../proc/systemd-path.js';
import { hierarchyOf } from './hierarchy.js';

/** Group or other may write. */
const WRITABLE = 0o022;

/**
 * Why the container that the lines name does not count (T7), or undefined: in every hierarchy that names it only root can
 * have made its group, and only root, or who is in it already, can put a process into it. And the pidfd's own cgroup id
 * is the very folder that the text names.
 * @param cgroupId of PIDFD_GET_INFO, for version 2; undefined where the kernel (before 6.13) does not say. Version 1 has no
 *   such number: there the text of the pinned process is all there is.
 */
export function anchorFault(lines: readonly CgroupLine[], cgroupId: bigint | undefined): string | undefined {
  for (const line of lines) {
    const depth = anchoredContainer(segmentsOf(line.path))?.depth;
    const unified = line.hierarchy === 0;
    if (depth === undefined && !(unified && cgroupId !== undefined)) continue;
    const root = hierarchyOf(line);
    if (root === undefined) {
      if (depth === undefined) continue;
      return `its hierarchy \`${line.controllers.join(',')}\` is not mounted here as a whole`;
    }
    const fault = (unified ? idFault(root, line.path, cgroupId) : undefined) ?? (depth === undefined ? undefined : folderFault(root, line, depth));
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function idFault(root: string, path: string, cgroupId: bigint | undefined): string | undefined {
  if (cgroupId === undefined) return undefined;
  const folder = look(`${root}${path}`);
  if (folder instanceof SysFailure) return folder.toString();
  // kernfs shows its id as the inode wherever ino_t has 64 bits, which it has on all architectures here.
  return folder.ino === cgroupId ? undefined : 'its group is not the one of the pidfd';
}

/**
 * A folder's name is the word of who may write the folder above it. A process is put into a group by writing its
 * `cgroup.procs`: version 2 asks for that file of the nearest common ancestor as well, so what is delegated is entered only
 * from within; version 1 asks for no more than the group's own, or its `tasks` (cgroup_procs_write_permission and
 * __cgroup1_procs_write, kernel/cgroup).
 */
function folderFault(root: string, { hierarchy, path }: CgroupLine, depth: number): string | undefined {
  const unified = hierarchy === 0;
  let folder = root;
  for (const segment of segmentsOf(path).slice(0, depth)) {
    const fault = notRoots(folder, unified ? ['', '/cgroup.procs'] : ['']);
    if (fault !== undefined) return fault;
    folder = `${folder}/${segment}`;
  }
  return unified ? undefined : notRoots(`${root}${path}`, ['/cgroup.procs', '/tasks']);
}

function notRoots(folder: string, entries: readonly string[]): string | undefined {
  for (const entry of entries) {
    const found = look(`${folder}${entry}`);
    if (found instanceof SysFailure) return found.toString();
    if (!isRoots(found)) return `\`${folder}${entry}\` is not root's alone`;
  }
  return undefined;
}

/** Owned by root and written by nobody else. */
export function isRoots({ uid, mode }: FileIdentity): boolean {
  return uid === 0 && (mode & WRITABLE) === 0;
}

function look(path: string): FileIdentity | SysFailure {
  return statPath(cPath(path), path, AT_SYMLINK_NOFOLLOW);
}
