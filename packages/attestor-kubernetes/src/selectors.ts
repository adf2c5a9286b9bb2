import type { SelectorDefinition, ValueType } from '@portcullis/core';

const TEXT: ValueType = { type: 'text' };
const COUNT: ValueType = { type: 'uint', max: 65_535 };

/** What the platform anchored: the answer is looked up by both, and worth no more than they are. */
const common = { trust: 'derived', cost: 'remote', needs: ['container:id', 'k8s:pod-uid'] } as const;
const one = { ...common, value: TEXT, many: false } as const;
const many = { ...common, value: TEXT, many: true } as const;

/**
 * SPIRE's names. Where SPIRE has three parts (`k8s:pod-label:app:web`) the value has two: `app:web`. A label's name has no
 * colon, so the first one divides. `k8s:pod-uid` is the platform's.
 */
export const KUBERNETES_SELECTORS: readonly SelectorDefinition[] = Object.freeze<SelectorDefinition[]>([
  { ...one, key: 'k8s:ns', principal: true, summary: 'namespace of the pod', example: 'prod' },
  { ...one, key: 'k8s:sa', principal: true, summary: 'service account of the pod', example: 'builder' },
  { ...one, key: 'k8s:pod-name', principal: true, summary: 'name of the pod', example: 'web-6658cb9566-5n4b4' },
  { ...many, key: 'k8s:pod-label', principal: true, summary: 'labels of the pod, as `name:value`', example: 'app:web' },
  { ...many, key: 'k8s:pod-owner', principal: true, summary: 'owners of the pod, as `kind:name`', example: 'ReplicaSet:web-6658cb9566' },
  { ...many, key: 'k8s:pod-owner-uid', principal: true, summary: 'owners of the pod, as `kind:uid`', example: 'ReplicaSet:349d135e-3781-43e3-bc25-c900aedf1d0c' },
  { ...one, key: 'k8s:node-name', summary: 'node that the pod runs on', example: 'worker-3' },
  { ...one, key: 'k8s:container-name', summary: 'name of the container in its pod', example: 'web' },
  { ...many, key: 'k8s:container-image', summary: 'image of the container: as the pod names it, and with its digest', example: 'registry.test/web:1.4' },
  { ...many, key: 'k8s:pod-image', summary: 'images of the containers of the pod, likewise', example: 'registry.test/web:1.4' },
  { ...common, key: 'k8s:pod-image-count', value: COUNT, many: false, summary: 'number of containers of the pod', example: 1 },
  { ...many, key: 'k8s:pod-init-image', summary: 'images of the init containers of the pod', example: 'registry.test/setup:1' },
  { ...common, key: 'k8s:pod-init-image-count', value: COUNT, many: false, summary: 'number of init containers of the pod', example: 0 },
]);
