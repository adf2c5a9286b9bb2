import { attestorConformance } from '@portcullis/core/conformance';
import { isRefusal, type Attestor, type Evidence, type SelectorKey } from '@portcullis/core';
import { fakePeerSource } from '@portcullis/core/testing';
import { KubernetesAttestor } from '@portcullis/attestor-kubernetes';
import { Kubelet, WEB, WEB_POD } from './support/kubelet.js';

/** What the platform would have anchored: the kit asks with needs that are absent, and the kubelet would never be asked. */
const ANCHORED: Evidence = new Map<SelectorKey, { state: 'present'; values: readonly string[]; tier: 'derived' }>([
  ['container:id', { state: 'present', values: [WEB], tier: 'derived' }],
  ['k8s:pod-uid', { state: 'present', values: [WEB_POD], tier: 'derived' }],
]);

function anchored(inner: KubernetesAttestor): Attestor {
  return {
    name: inner.name,
    selectors: inner.selectors.map((definition) => ({ ...definition, needs: [] })),
    attest: (peer, wanted, signal) => inner.attest(peer, wanted, signal, ANCHORED),
  };
}

for (const [title, wrap] of [['of a peer in no pod', (inner: KubernetesAttestor): Attestor => inner], ['of a peer in a pod', anchored]] as const) {
  describe(`the Kubernetes attestor, ${title}, by the conformance kit`, () => {
    let kubelet: Kubelet | undefined;
    attestorConformance({ describe, it }, {
      async setup() {
        kubelet = new Kubelet();
        const attestor = wrap(new KubernetesAttestor({ url: await kubelet.serve() }));
        return {
          attestor,
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
