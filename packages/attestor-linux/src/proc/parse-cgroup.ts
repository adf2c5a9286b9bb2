import { decodeText, parseUint } from './decode.js';

/** One line of `/proc/PID/cgroup`: the process's place in one hierarchy. */
export interface CgroupLine {
  /** 0 is the unified (version 2) hierarchy. */
  readonly hierarchy: number;
  /** `['cpu', 'cpuacct']`, `['name=systemd']`; empty for version 2. */
  readonly controllers: readonly string[];
  /**
   * As the kernel spells it, relative to the *reader's* cgroup namespace; it begins with `/..` where the process is outside.
   * Nothing in it is an escape of the kernel's: `\x2d` is systemd's spelling, part of the name.
   */
  readonly path: string;
  /** The group was removed under the process (version 2): the kernel appended ` (deleted)`, which is no longer in `path`. */
  readonly deleted: boolean;
}

/** PATH_MAX a line, at a dozen controllers and some named hierarchies. */
const MAX_CGROUP_BYTES = 128 * 1024;
const MAX_LINES = 64;
const MAX_PATH_CHARS = 4096;
const DELETED = ' (deleted)';

/**
 * `/proc/PID/cgroup` (cgroups(7), proc_cgroup_show in kernel/cgroup/cgroup.c), lines in the kernel's order, or `undefined`
 * when it has not that shape.
 *
 * The kernel escapes nothing here and need not: mkdir of a name with a newline is refused (cgroup_mkdir, "to prevent making
 * /proc/<pid>/cgroup unparsable"). A path may hold colons, so only the first two divide; ` (deleted)` may also be the end of
 * a name that somebody chose, so a deleted group proves nothing that its path would not.
 */
export function parseCgroup(bytes: Uint8Array): readonly CgroupLine[] | undefined {
  const text = decodeText(bytes, MAX_CGROUP_BYTES);
  if (text?.endsWith('\n') !== true) return undefined;
  const spelled = text.slice(0, -1).split('\n', MAX_LINES + 1);
  if (spelled.length > MAX_LINES) return undefined;
  const lines: CgroupLine[] = [];
  const seen = new Set<number>();
  for (const one of spelled) {
    const line = parseLine(one);
    if (line === undefined || seen.has(line.hierarchy)) return undefined;
    seen.add(line.hierarchy);
    lines.push(line);
  }
  return lines;
}

function parseLine(line: string): CgroupLine | undefined {
  const first = line.indexOf(':');
  const second = line.indexOf(':', first + 1);
  if (first < 1 || second < 0) return undefined;
  const hierarchy = parseUint(line.slice(0, first));
  const controllers = line.slice(first + 1, second);
  let path = line.slice(second + 1);
  const deleted = hierarchy === 0 && path.endsWith(DELETED);
  if (deleted) path = path.slice(0, -DELETED.length);
  if (hierarchy === undefined || !path.startsWith('/') || path.length > MAX_PATH_CHARS || path.includes('\0')) return undefined;
  // Version 2 names no controllers; a version 1 hierarchy without any has a name instead.
  if ((hierarchy === 0) !== (controllers === '') || !/^[A-Za-z0-9_.,=-]*$/.test(controllers)) return undefined;
  return { hierarchy, controllers: controllers === '' ? [] : controllers.split(','), path, deleted };
}
