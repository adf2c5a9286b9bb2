import { attestorConformance } from '@portcullis/core/conformance';
import { isRefusal, type Evidence, type SelectorKey } from '@portcullis/core';
import { fakePeerSource } from '@portcullis/core/testing';
import { KubernetesAttestor } from '@portcullis/attestor-kubernetes';
import { Kubelet, WEB, WEB_POD } from './support/kubelet.js';

/** What the platform would have anchored. */
const ANCHORED: Evidence = new Map<SelectorKey, { state: 'present'; values: readonly string[]; tier: 'derived' }>([
  ['container:id', { state: 'present', values: [WEB], tier: 'derived' }],
  ['k8s:pod-uid', { state: 'present', values: [WEB_POD], tier: 'derived' }],
]);

for (const [title, given] of [['of a peer in no pod', new Map()], ['of a peer in a pod', ANCHORED]] as const) {
  describe(`the Kubernetes attestor, ${title}, by the conformance kit`, () => {
    let kubelet: Kubelet | undefined;
    attestorConformance({ describe, it }, {
      async setup() {
        kubelet = new Kubelet();
        return {
          attestor: new KubernetesAttestor({ url: await kubelet.serve() }),
          given,
          open: () => {
            const peer = fakePeerSource({ uid: 1000 }).open({ fd: undefined, origin: undefined });
            if (isRefusal(peer)) throw new Error(peer.detail);
            return peer;
          },
        };
      },
      async teardown() {
        await kubelet?.close();
      },
    });
  });
}
