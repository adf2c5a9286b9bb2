import { slicesLeading, type Segments } from './systemd-path.js';

/** Who names containers so. `cri`: a Kubernetes layout (cgroupfs driver) that does not say which runtime it was. */
export type ContainerRuntime = 'docker' | 'podman' | 'containerd' | 'cri-o' | 'cri';

/** A container as the host's root knows it. */
export interface ContainerIdentity {
  /** All 64 hexadecimal digits, lower case. */
  readonly id: string;
  readonly runtime: ContainerRuntime;
  /** With dashes: `1e597579-417e-482f-bf65-5fe170c3aebd`; a static pod's has 32 digits and none. */
  readonly podUid?: string;
  /** How many segments lead to its folder, that one included. Who made a folder is who may write the one above it. */
  readonly depth: number;
}

const HEX64 = '[0-9a-f]{64}';
const POD_UID = '[0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12}|[0-9a-f]{32}';

/** `docker-<id>.scope`: runc's and crun's systemd driver, `<slice>:<prefix>:<id>` of the OCI cgroupsPath. */
const SCOPE = new RegExp(`^(docker|libpod|crio|cri-containerd|nerdctl)-(${HEX64})\\.scope$`);
/** The same triple taken for a plain name: containerd with the cgroupfs driver below a kubelet with systemd's. */
const TRIPLE = new RegExp(`^(?:kubelet-)?kubepods(?:-besteffort|-burstable)?-pod(${POD_UID})\\.slice:(docker|crio|cri-containerd):(${HEX64})$`);
const POD_SLICE = new RegExp(`^(?:kubelet-)?kubepods(?:-besteffort|-burstable)?-pod(${POD_UID})\\.slice$`);

/**
 * Plain directories that runtimes with the cgroupfs driver make as root in a hierarchy's root, where nobody else can make one.
 * Others could be configured (`--cgroup-parent`), but libcgroup and pam_cgroup also give *users* directories there, by their
 * names: that is why containerd's `/<namespace>/<id>` (nerdctl's `/default/<id>`) is no anchor.
 */
const CGROUPFS = new RegExp(
  [
    `^docker/(?<docker>${HEX64})(?:/|$)`,
    `^libpod_parent/(?:${HEX64}/)?libpod-(?<podman>${HEX64})(?:/|$)`,
    // The ECS agent's /ecs/<task>/<container>, all of them Docker's.
    `^ecs/[0-9a-f-]{32,64}/(?<ecs>${HEX64})(?:/|$)`,
    // Docker Desktop says kubepods twice; kind's kubelet has --cgroup-root=/kubelet.
    `^(?:kubelet/)?(?:kubepods/){1,2}(?:(?:besteffort|burstable|guaranteed)/)?pod(?<pod>${POD_UID})/(?<prefix>crio-|cri-containerd-)?(?<cri>${HEX64})(?:/|$)`,
  ].join('|'),
);

/** System services that make containers' groups in their own: only root writes such a unit, and it runs as root. */
const RUNTIME_SERVICES = new Set(['containerd.service', 'docker.service', 'crio.service', 'k3s.service', 'k3s-agent.service', 'rke2-server.service', 'rke2-agent.service']);

const RUNTIMES: ReadonlyMap<string | undefined, ContainerRuntime> = new Map([
  ['docker', 'docker'],
  ['libpod', 'podman'],
  ['crio', 'cri-o'],
  ['crio-', 'cri-o'],
  ['cri-containerd', 'containerd'],
  ['cri-containerd-', 'containerd'],
  ['nerdctl', 'containerd'],
]);

/** podman with `--cgroups=split`, as a Quadlet has it: the container's group is directly below the unit that runs podman. */
const PAYLOAD = new RegExp(`^libpod-payload-(${HEX64})$`);

/**
 * The *outermost* container of a path, read from the hierarchy's root downwards, and only through ancestors that root owns (T7):
 * slices of the system's manager (not `user.slice`), and what stands directly below them. Whatever is deeper, a container in
 * the container included, was named by who lives there, so it is neither read nor searched.
 *
 * This is what the *text* can say. A unit may have been given to a user (`Delegate=` and `User=`), and root may give any group
 * away, so that it counts only once the folders were looked at (`anchorFault`).
 */
export function anchoredContainer(segments: Segments): ContainerIdentity | undefined {
  const depth = slicesLeading(segments);
  if (depth === 0) return ofCgroupfs(segments, 0);
  const unit = segments[depth];
  if (segments[0] === 'user.slice' || unit === undefined) return undefined;
  const scope = SCOPE.exec(unit);
  if (scope !== null) return identity(scope[2], RUNTIMES.get(scope[1]), POD_SLICE.exec(segments[depth - 1] ?? '')?.[1], depth + 1);
  const payload = unit.endsWith('.service') ? PAYLOAD.exec(segments[depth + 1] ?? '') : null;
  if (payload !== null) return identity(payload[1], 'podman', undefined, depth + 2);
  return RUNTIME_SERVICES.has(unit) ? ofCgroupfs(segments.slice(depth + 1), depth + 1) : undefined;
}

function ofCgroupfs(segments: Segments, above: number): ContainerIdentity | undefined {
  const triple = TRIPLE.exec(segments[0] ?? '');
  if (triple !== null) return identity(triple[3], RUNTIMES.get(triple[2]), triple[1], above + 1);
  const match = CGROUPFS.exec(segments.join('/'));
  const found = match?.groups;
  if (match === null || found === undefined) return undefined;
  const depth = above + match[0].split('/').filter((segment) => segment !== '').length;
  if (found['cri'] !== undefined) return identity(found['cri'], RUNTIMES.get(found['prefix']) ?? 'cri', found['pod'], depth);
  if (found['podman'] !== undefined) return identity(found['podman'], 'podman', undefined, depth);
  return identity(found['docker'] ?? found['ecs'], 'docker', undefined, depth);
}

function identity(id: string | undefined, runtime: ContainerRuntime | undefined, podUid: string | undefined, depth: number): ContainerIdentity | undefined {
  if (id === undefined || runtime === undefined) return undefined;
  return podUid === undefined ? { id, runtime, depth } : { id, runtime, podUid: podUid.replaceAll('_', '-'), depth };
}
