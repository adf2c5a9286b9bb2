import { slicesLeading, type Segments } from './systemd-path.js';

/**
 * Names that runtimes give, wherever they stand. Wide on purpose: what is taken for a look-alike is answered *unknown*, and
 * an unknown never admits (I4), while a container that is taken for a host process might.
 */
const NAMES = [
  /[0-9a-f]{64}/i,
  /^(?:docker|libpod|crio|cri-containerd|nerdctl|containerd|kata|buildkit)[-_][0-9a-f]{12,}/i,
  /:(?:docker|libpod|crio|cri-containerd|nerdctl|buildkit|runc|youki):/,
  /^(?:kubelet-)?kubepods(?:[-.]|$)/,
  // LXC 4 and later, Incus: lxc.payload.<name>. `lxc.monitor.<name>` is the host's side.
  /^lxc\.payload(?:[.-]|$)/,
] as const;

/** Roots of the cgroupfs driver; who is below one and matched no anchor is in a layout that we do not know. */
const CGROUPFS_ROOTS = new Set(['docker', 'libpod_parent', 'lxc', 'lxc.payload', 'ecs', 'k8s.io', 'garden', 'buildkit', 'podruntime', 'actions_job']);

/** conmon is the host's process that watches a container from outside, in a group of its own. */
const MONITOR = /^(?:libpod|crio)-conmon-[0-9a-f]{64}(?:\.scope)?$/;

/** Why a path without an anchored container still is no host process's for certain, in words for `detail`; else `undefined`. */
export function containerLookalike(segments: Segments): string | undefined {
  if (isMonitor(segments)) return undefined;
  if (CGROUPFS_ROOTS.has(segments[0] ?? '')) return `below \`/${segments[0] ?? ''}\``;
  const payload = machinePayload(segments);
  if (payload !== undefined) return payload;
  const name = segments.find((segment) => NAMES.some((shape) => shape.test(segment)));
  return name === undefined ? undefined : `\`${name.slice(0, 160)}\` names a container`;
}

/** Only where root made the group: elsewhere anybody names a group so. */
function isMonitor(segments: Segments): boolean {
  if (segments[0] === 'libpod_parent' && segments.length === 2) return segments[1] === 'conmon' || MONITOR.test(segments[1] ?? '');
  const depth = slicesLeading(segments);
  return depth > 0 && segments[0] !== 'user.slice' && segments.length === depth + 1 && MONITOR.test(segments[depth] ?? '');
}

/** systemd-nspawn keeps its container in `payload` and itself in `supervisor`; libvirt's virtual machines have neither. */
function machinePayload(segments: Segments): string | undefined {
  const at = segments.indexOf('payload');
  if (at < 1) return undefined;
  return /^(?:machine-.*\.scope|systemd-nspawn@.*\.service)$/s.test(segments[at - 1] ?? '') ? 'a payload of systemd-nspawn' : undefined;
}
