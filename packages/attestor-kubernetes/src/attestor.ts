import { ABSENT, unknown, type Attestor, type Evidence, type Finding, type Findings, type Peer, type SelectorKey } from '@portcullis/core';
import { KubeletFailure } from './failure.js';
import { findingOf } from './finding-of.js';
import { kubeletOf } from './options.js';
import { PodLists, type Found } from './pod-lists.js';
import { KUBERNETES_SELECTORS } from './selectors.js';

/** Establishes what the kubelet says of the pod that the platform anchored the peer in. */
export class KubernetesAttestor implements Attestor {
  readonly name = 'kubernetes';
  readonly selectors = KUBERNETES_SELECTORS;
  readonly #lists: PodLists;
  /** Whoever took the port first answers without TLS: that can be raced. */
  readonly #tier: 'heuristic' | undefined;

  /** `options` are `KubernetesOptions`. @throws PortcullisError `PLUGIN_OPTIONS` */
  constructor(options: Readonly<Record<string, unknown>> = {}) {
    const kubelet = kubeletOf(options);
    this.#lists = new PodLists(kubelet);
    this.#tier = kubelet.url.protocol === 'https:' ? undefined : 'heuristic';
  }

  attest(_peer: Peer, wanted: ReadonlySet<SelectorKey>, signal: AbortSignal, given: Evidence): Findings | Promise<Findings> {
    const [container, pod] = [given.get('container:id'), given.get('k8s:pod-uid')];
    // Both are needs, so neither is unknown here. In no container, or in one of no pod: the kubelet need not be asked.
    if (container?.state !== 'present' || pod?.state !== 'present') return all(wanted, () => ABSENT);
    return this.#ask(wanted, String(pod.values[0]), String(container.values[0]), signal);
  }

  async #ask(wanted: ReadonlySet<SelectorKey>, podUid: string, containerId: string, signal: AbortSignal): Promise<Findings> {
    try {
      const found = await until(signal, this.#lists.find(podUid, containerId));
      return all(wanted, (key) => findingOf(key, found, this.#tier));
    } catch (error) {
      if (!(error instanceof KubeletFailure)) throw error;
      return all(wanted, () => unknown(error.why, error.message));
    }
  }
}

/** The question itself has a limit of its own, and others may wait for its answer. */
function until(signal: AbortSignal, found: Promise<Found>): Promise<Found> {
  return new Promise((resolve, reject) => {
    const aborted = (): void => { reject(new KubeletFailure('no answer before the deadline', 'timeout')); };
    signal.addEventListener('abort', aborted, { once: true });
    if (signal.aborted) aborted();
    found.then(resolve, reject).finally(() => { signal.removeEventListener('abort', aborted); });
  });
}

function all(wanted: ReadonlySet<SelectorKey>, finding: (key: SelectorKey) => Finding): Findings {
  return new Map([...wanted].map((key) => [key, finding(key)]));
}
