import { ABSENT, unknown, type Finding, type SelectorDefinition, type SelectorKey, type Unknown } from '@portcullis/core';
import { strangeNamespaces } from '../cgroup/host-namespaces.js';
import { cgroupIdOf, placeOf, type Place } from '../cgroup/place.js';
import type { ProcessCache } from '../image/process-cache.js';
import type { LinuxPeer } from '../peer.js';
import type { CgroupIdentity } from '../proc/cgroup-identity.js';
import { allUnknown, constant, Findings, type Into, type Probe } from './probe.js';

const derived = { many: false, trust: 'derived', cost: 'proc' } as const;
const text = { ...derived, value: { type: 'text' } } as const;

const selectors: readonly SelectorDefinition[] = [
  { ...text, key: 'linux:cgroup', trust: 'kernel-live', value: { type: 'path' }, summary: 'path in the hierarchy that systemd manages', example: '/system.slice/cron.service' },
  { ...derived, key: 'container:id', principal: true, value: { type: 'digest', length: 64 }, summary: 'all 64 digits of the container id, below folders that root alone may write', example: '3f0c'.repeat(16) },
  { ...derived, key: 'container:runtime', value: { type: 'enum', values: ['docker', 'podman', 'containerd', 'cri-o', 'cri'] }, summary: 'who made the container; `cri`: a Kubernetes layout that does not say', example: 'docker' },
  { ...text, key: 'k8s:pod-uid', principal: true, summary: 'uid of the Kubernetes pod', example: '1e597579-417e-482f-bf65-5fe170c3aebd' },
  { ...text, key: 'systemd:unit', principal: true, summary: "unit of the system's manager", example: 'cron.service' },
  { ...text, key: 'systemd:slice', summary: "innermost slice of the system's manager", example: 'system.slice' },
  { ...text, key: 'systemd:user-unit', summary: "unit of a user's own manager: that user may call any process anything", example: 'app.service' },
];

const CONTAINER_KEYS: ReadonlySet<SelectorKey> = new Set(['container:id', 'container:runtime', 'k8s:pod-uid']);

/** `/proc/PID/cgroup`, and what it proves beside the folders that it names and the peer's namespaces (T7). */
export function cgroup(processes: ProcessCache): Probe {
  return {
    selectors,
    ask(peer: LinuxPeer, keys, into: Into) {
      const place = placeOf(peer, processes);
      if ('state' in place) {
        allUnknown(keys, place, into);
        return undefined;
      }
      const doubt = keys.some((key) => CONTAINER_KEYS.has(key)) ? doubtOf(peer, place) : undefined;
      const found = findingsOf(place.identity);
      for (const key of keys) into.set(key, doubt !== undefined && CONTAINER_KEYS.has(key) ? doubt : found.of(key));
      return undefined;
    },
  };
}

/** Why neither a container nor its absence can be believed of this peer; undefined when what the text says holds. */
function doubtOf(peer: LinuxPeer, place: Place): Unknown | undefined {
  const { container, lookalike } = place.identity;
  if (lookalike === true) return undefined; // which is unknown as it is
  if (container === undefined) return strangeNamespaces(peer);
  const cgroupId = cgroupIdOf(peer);
  if (typeof cgroupId === 'object') return cgroupId;
  const fault = place.fault(cgroupId);
  return fault === undefined ? undefined : unknown('unanchored', fault);
}

const byIdentity = new WeakMap<CgroupIdentity, Findings<SelectorKey>>();

function findingsOf(identity: CgroupIdentity): Findings<SelectorKey> {
  let findings = byIdentity.get(identity);
  if (findings === undefined) byIdentity.set(identity, (findings = new Findings((key) => findingOf(key, identity))));
  return findings;
}

function findingOf(key: SelectorKey, identity: CgroupIdentity): Finding {
  const { container, lookalike, namespaced, why } = identity;
  switch (key) {
    case 'linux:cgroup':
      return namespaced === true ? unknown('unanchored', why) : constant(identity.path);
    case 'container:id':
    case 'container:runtime':
    case 'k8s:pod-uid': {
      if (lookalike === true) return unknown('unanchored', why);
      return valueOrAbsent(key === 'container:id' ? container?.id : key === 'container:runtime' ? container?.runtime : container?.podUid);
    }
    default: {
      if (namespaced === true) return unknown('unanchored', why);
      return valueOrAbsent(key === 'systemd:unit' ? identity.unit : key === 'systemd:slice' ? identity.slice : identity.userUnit);
    }
  }
}

function valueOrAbsent(value: string | undefined): Finding {
  return value === undefined ? ABSENT : constant(value);
}
