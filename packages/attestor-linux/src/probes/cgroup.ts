import { ABSENT, unknown, type Finding, type SelectorDefinition, type SelectorKey, type Unknown } from '@portcullis/core';
import { SysFailure } from '../ffi/errno.js';
import type { ProcessCache } from '../image/process-cache.js';
import type { LinuxPeer } from '../peer.js';
import { asBuffer } from '../proc/decode.js';
import { cgroupIdentity, type CgroupIdentity } from '../proc/cgroup-identity.js';
import { parseCgroup } from '../proc/parse-cgroup.js';
import { readProc } from '../proc/read.js';
import { allUnknown, constant, Findings, undecodable, type Into, type Probe } from './probe.js';

const derived = { many: false, trust: 'derived', cost: 'proc' } as const;
const text = { ...derived, value: { type: 'text' } } as const;

const selectors: readonly SelectorDefinition[] = [
  { ...text, key: 'linux:cgroup', trust: 'kernel-live', value: { type: 'path' }, summary: 'path in the hierarchy that systemd manages', example: '/system.slice/cron.service' },
  { ...derived, key: 'container:id', principal: true, value: { type: 'digest', length: 64 }, summary: 'all 64 digits of the container id, below ancestors that root owns', example: '3f0c'.repeat(16) },
  { ...derived, key: 'container:runtime', value: { type: 'enum', values: ['docker', 'podman', 'containerd', 'cri-o', 'cri'] }, summary: 'who made the container; `cri`: a Kubernetes layout that does not say', example: 'docker' },
  { ...text, key: 'k8s:pod-uid', principal: true, summary: 'uid of the Kubernetes pod', example: '1e597579-417e-482f-bf65-5fe170c3aebd' },
  { ...text, key: 'systemd:unit', principal: true, summary: "unit of the system's manager", example: 'cron.service' },
  { ...text, key: 'systemd:slice', summary: "innermost slice of the system's manager", example: 'system.slice' },
  { ...text, key: 'systemd:user-unit', summary: "unit of a user's own manager: that user may call any process anything", example: 'app.service' },
];

/** `/proc/PID/cgroup`, and what it proves (T7). */
export function cgroup(processes: ProcessCache): Probe {
  return {
    selectors,
    ask(peer: LinuxPeer, keys, into: Into) {
      const place = look(peer, processes);
      if ('state' in place) {
        allUnknown(keys, place, into);
        return undefined;
      }
      for (const key of keys) into.set(key, place.of(key));
      return undefined;
    },
  };
}

/** What a text says: by the text that a known process keeps, and by its content, which processes of one service share. */
const byText = new WeakMap<Uint8Array, Findings<SelectorKey>>();
const byContent = new Map<string, Findings<SelectorKey>>();
const MOST_CONTENTS = 1024;

function look(peer: LinuxPeer, processes: ProcessCache): Findings<SelectorKey> | Unknown {
  const folder = peer.procFolder();
  if (typeof folder !== 'string') return folder;
  const known = processes.of(peer);
  const bytes = known === undefined ? readProc(`${folder}/cgroup`) : known.cgroupText(folder);
  if (bytes instanceof SysFailure) return peer.unknownOf(bytes);
  const same = known === undefined ? undefined : byText.get(bytes);
  if (same !== undefined) return same;
  const place = understand(bytes, peer.capabilities.cgroupNamespaced);
  if (place === undefined) return undecodable(`${folder}/cgroup`);
  if (known !== undefined) byText.set(bytes, place);
  return place;
}

function understand(bytes: Uint8Array, namespaced: boolean): Findings<SelectorKey> | undefined {
  const content = `${String(namespaced)} ${asBuffer(bytes).toString('latin1')}`;
  const known = byContent.get(content);
  if (known !== undefined) return known;
  const lines = parseCgroup(bytes);
  const identity = lines && cgroupIdentity(lines, { namespaced });
  if (identity === undefined) return undefined;
  if (byContent.size >= MOST_CONTENTS) byContent.clear();
  const place = new Findings<SelectorKey>((key) => findingOf(key, identity));
  byContent.set(content, place);
  return place;
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
