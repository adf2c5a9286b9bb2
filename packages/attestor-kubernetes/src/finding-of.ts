import { ABSENT, type Finding, type SelectorKey, type SelectorValue, type TrustTier } from '@portcullis/core';
import type { Container } from './pod.js';
import type { Found } from './pod-lists.js';

/** One key of a peer that was found; `tier` where the way it was asked is worth less than the catalogue says. */
export function findingOf(key: SelectorKey, { pod, container }: Found, tier: TrustTier | undefined): Finding {
  const values = valuesOf(key, pod, container).filter((value) => value !== '');
  const finding: Finding = values.length === 0 ? ABSENT : { state: 'present', values: [...new Set(values)].sort() };
  return tier === undefined ? finding : { ...finding, tier };
}

function valuesOf(key: SelectorKey, pod: Found['pod'], container: Container): readonly SelectorValue[] {
  switch (key) {
    case 'k8s:ns': return [pod.namespace];
    case 'k8s:sa': return [pod.serviceAccount];
    case 'k8s:pod-name': return [pod.name];
    case 'k8s:pod-label': return [...pod.labels].map(([name, value]) => `${name}:${value}`);
    case 'k8s:pod-owner': return pod.owners.map(({ kind, name }) => `${kind}:${name}`);
    case 'k8s:pod-owner-uid': return pod.owners.map(({ kind, uid }) => `${kind}:${uid}`);
    case 'k8s:node-name': return [pod.node];
    case 'k8s:container-name': return [container.name];
    case 'k8s:container-image': return imagesOf([container]);
    case 'k8s:pod-image': return imagesOf(pod.containers);
    case 'k8s:pod-image-count': return [pod.containers.length];
    case 'k8s:pod-init-image': return imagesOf(pod.initContainers);
    case 'k8s:pod-init-image-count': return [pod.initContainers.length];
    default: return [];
  }
}

function imagesOf(containers: readonly Container[]): readonly string[] {
  return containers.flatMap(({ image, imageId }) => [image, imageId]);
}
