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

/**
 * The *outermost* container of a path, read from the hierarchy's root downwards, and only through ancestors that root owns (T7):
 * slices of the system's manager (not `user.slice`), and what stands directly below them. Whatever is deeper, a container in
 * the container included, was named by who lives there, so it is neither read nor searched.
 */
export function anchoredContainer(segments: Segments): ContainerIdentity | undefined {
  const depth = slicesLeading(segments);
  if (depth === 0) return ofCgroupfs(segments);
  const unit = segments[depth];
  if (segments[0] === 'user.slice' || unit === undefined) return undefined;
  const scope = SCOPE.exec(unit);
  if (scope !== null) return identity(scope[2], RUNTIMES.get(scope[1]), POD_SLICE.exec(segments[depth - 1] ?? '')?.[1]);
  return RUNTIME_SERVICES.has(unit) ? ofCgroupfs(segments.slice(depth + 1)) : undefined;
}

function ofCgroupfs(segments: Segments): ContainerIdentity | undefined {
  const triple = TRIPLE.exec(segments[0] ?? '');
  if (triple !== null) return identity(triple[3], RUNTIMES.get(triple[2]), triple[1]);
  const found = CGROUPFS.exec(segments.join('/'))?.groups;
  if (found === undefined) return undefined;
  if (found['cri'] !== undefined) return identity(found['cri'], RUNTIMES.get(found['prefix']) ?? 'cri', found['pod']);
  if (found['podman'] !== undefined) return identity(found['podman'], 'podman', undefined);
  return identity(found['docker'] ?? found['ecs'], 'docker', undefined);
}

function identity(id: string | undefined, runtime: ContainerRuntime | undefined, podUid: string | undefined): ContainerIdentity | undefined {
  if (id === undefined || runtime === undefined) return undefined;
  return podUid === undefined ? { id, runtime } : { id, runtime, podUid: podUid.replaceAll('_', '-') };
}
