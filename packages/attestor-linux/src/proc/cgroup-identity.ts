import { anchoredContainer, type ContainerIdentity } from './container-anchor.js';
import { containerLookalike } from './container-lookalike.js';
import type { CgroupLine } from './parse-cgroup.js';
import { segmentsOf, systemdPlace, type SystemdPlace } from './systemd-path.js';

/** The cgroup namespace that the kernel was booted with: PROC_CGROUP_INIT_INO, linux/proc_ns.h. Compare `/proc/self/ns/cgroup`. */
export const INITIAL_CGROUP_NAMESPACE = 0xeffffffb;

/** Who a process is by its cgroup. Without `container` and without `lookalike` it is in none: that, and only that, is *absent*. */
export interface CgroupIdentity extends SystemdPlace {
  /** In the hierarchy that systemd manages: `name=systemd`, else version 2, else the first. */
  readonly path: string;
  /** The host's outermost container, below ancestors that root owns (T7). Never beside `lookalike`. */
  readonly container?: ContainerIdentity;
  /** Whether it is in a container cannot be told, and is answered *unknown*, `unanchored`. */
  readonly lookalike?: true;
  /** Paths are relative to a root that is not the host's: `unit`, `slice` and `userUnit` are missing and *unknown* too. */
  readonly namespaced?: true;
  /** What was seen, for `detail` of an unknown. */
  readonly why?: string;
}

export interface CgroupReader {
  /** Whether *our own* cgroup namespace is not the initial one. Then an anchor is only our container's word for it. */
  readonly namespaced: boolean;
}

/**
 * What the lines of `/proc/PID/cgroup` prove. Version 1 and hybrid have several: a hierarchy where the process is in no
 * container abstains (a runtime uses the controllers that it likes), those that name one must name the same.
 *
 * Says nothing of `--cgroups=disabled` and of rootless containers under version 1, which have no group of their own: no
 * container here does not prove a host process, the namespaces do that.
 */
export function cgroupIdentity(lines: readonly CgroupLine[], reader: CgroupReader = { namespaced: false }): CgroupIdentity | undefined {
  const managed = managedLine(lines);
  if (managed === undefined) return undefined;
  const path = managed.path;
  if (reader.namespaced) return { path, lookalike: true, namespaced: true, why: 'we are in a cgroup namespace' };
  if (lines.some((line) => line.path.split('/').includes('..'))) {
    return { path, lookalike: true, namespaced: true, why: 'the group is outside our cgroup namespace' };
  }
  return { path, ...systemdPlace(segmentsOf(path)), ...containerOf(lines) };
}

function managedLine(lines: readonly CgroupLine[]): CgroupLine | undefined {
  return (
    lines.find((line) => line.controllers.length === 1 && line.controllers[0] === 'name=systemd') ??
    lines.find((line) => line.hierarchy === 0) ??
    lines[0]
  );
}

function containerOf(lines: readonly CgroupLine[]): Pick<CgroupIdentity, 'container' | 'lookalike' | 'why'> {
  let container: ContainerIdentity | undefined;
  for (const path of new Set(lines.map((line) => line.path))) {
    const segments = segmentsOf(path);
    const found = anchoredContainer(segments);
    if (found === undefined) {
      const why = containerLookalike(segments);
      if (why !== undefined) return { lookalike: true, why };
    } else if (container !== undefined && (container.id !== found.id || container.podUid !== found.podUid)) {
      return { lookalike: true, why: 'the hierarchies disagree about the container' };
    }
    container ??= found;
  }
  return container === undefined ? {} : { container };
}
