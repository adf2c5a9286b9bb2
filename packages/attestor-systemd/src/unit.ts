import { ABSENT, unknown, type Finding, type SelectorKey } from '@portcullis/core';

/** What a service manager says of a unit; texts may be empty. */
export interface Unit {
  readonly id: string;
  /** Its place in the hierarchy, such as `/system.slice/cron.service`. */
  readonly cgroup: string;
  readonly fragmentPath: string;
  /** 32 hex digits. */
  readonly invocationId: string;
}

/** What the platform found: where the kernel has the peer, and the unit that its cgroup names. */
export interface Anchor {
  readonly cgroup: string;
  readonly unit: string | undefined;
}

/**
 * The findings for one peer. The manager went by a number; the kernel's cgroup of the pinned process has the last word: a
 * number of another pid namespace, or another manager's, names a unit that the peer is not in.
 */
export function findingOf(key: SelectorKey, unit: Unit | undefined, anchor: Anchor): Finding {
  // Slices have no processes of their own: the manager found no unit further down.
  const none = unit === undefined || unit.id.endsWith('.slice');
  if (none) return anchor.unit === undefined ? ABSENT : unknown('unanchored', `the manager has no unit for it, and its cgroup is of \`${anchor.unit}\``);
  if (!isWithin(anchor.cgroup, unit.cgroup)) return unknown('unanchored', `the manager says \`${unit.id}\`, and its cgroup is \`${anchor.cgroup}\``);
  if (key === 'systemd:id') return text(unit.id);
  if (key === 'systemd:fragment_path') return text(unit.fragmentPath);
  return text(unit.invocationId);
}

/** Where the manager cannot be asked: the unit that the cgroup names, which nobody confirmed. */
export function fallbackOf({ unit }: Anchor): Finding {
  return unit === undefined ? { state: 'absent', tier: 'heuristic' } : { state: 'present', values: [unit], tier: 'heuristic' };
}

function isWithin(path: string, folder: string): boolean {
  return folder.startsWith('/') && folder.length > 1 && (path === folder || path.startsWith(`${folder}/`));
}

function text(value: string): Finding {
  return value === '' ? ABSENT : { state: 'present', values: [value] };
}
