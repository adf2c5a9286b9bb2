import { Collector, type Evidenced, type SelectorKey } from '@portcullis/core';
import { fakeAttestor, fakePeerSource } from '@portcullis/core/testing';
import { KUBERNETES_SELECTORS, type KubernetesAttestor } from '@portcullis/attestor-kubernetes';

export const ALL: readonly SelectorKey[] = KUBERNETES_SELECTORS.map(({ key }) => key);

/** What the platform anchored; null is absent. */
export interface Anchored {
  readonly pod: string | null;
  readonly container: string | null;
}

/** What the engine files of a peer with these anchors, which a fake stands for. */
export async function ask(attestor: KubernetesAttestor, { pod, container }: Anchored, signal = AbortSignal.timeout(30_000)): Promise<ReadonlyMap<string, Evidenced>> {
  const finding = (value: string | null) => (value === null ? { state: 'absent' as const } : { state: 'present' as const, values: [value] });
  const platform = fakeAttestor({
    selectors: (['container:id', 'k8s:pod-uid'] as const).map((key) => ({ key, value: { type: 'text' }, many: false, trust: 'derived', cost: 'proc', summary: 'x', example: 'x' })),
    attest: () => new Map<SelectorKey, ReturnType<typeof finding>>([['container:id', finding(container)], ['k8s:pod-uid', finding(pod)]]),
  });
  const peer = fakePeerSource({ uid: 1000 }).open({ fd: undefined, origin: undefined });
  if ('refused' in peer) throw new Error(peer.detail);
  const evidence = new Map<SelectorKey, Evidenced>();
  const collector = new Collector([platform, attestor]);
  const wanted = new Set(ALL);
  while (ALL.some((key) => !evidence.has(key))) await collector.collect(wanted, peer, evidence, signal);
  return evidence;
}
