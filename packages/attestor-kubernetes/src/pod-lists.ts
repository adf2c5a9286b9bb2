import { fetchPods } from './fetch-pods.js';
import { KubeletFailure } from './failure.js';
import type { Kubelet } from './options.js';
import { parsePods, type Container, type Pod, type Pods } from './pod.js';

/** A peer's place: its pod, and its container in it. */
export interface Found {
  readonly pod: Pod;
  readonly container: Container;
}

/** However many ask, the kubelet is asked this often at most. */
const SHORTEST_PAUSE_MS = 250;
/** Nor is more than a part of the time spent on its lists, whatever is in them: a pause is this many times as long as it took to read one (T20). */
const PAUSE_PER_READING = 5;

interface List {
  readonly atMs: number;
  /** Until then it is not asked again. */
  readonly pauseMs: number;
  readonly pods: Pods | KubeletFailure;
}

/** The kubelet's list of pods: one question at a time, and its answer serves for a while. */
export class PodLists {
  readonly #kubelet: Kubelet;
  #list: List | undefined;
  #flight: Promise<List> | undefined;

  constructor(kubelet: Kubelet) {
    this.#kubelet = kubelet;
  }

  /** By what the platform anchored. A pod that an older list has not is looked for in a newer one. @throws KubeletFailure */
  async find(podUid: string, containerId: string): Promise<Found> {
    const kept = this.#list;
    if (kept !== undefined && !(kept.pods instanceof KubeletFailure) && performance.now() - kept.atMs < this.#kubelet.cacheMs) {
      const found = lookUp(kept.pods, podUid, containerId);
      if (found !== undefined) return found;
    }
    const { pods } = await this.#newer();
    if (pods instanceof KubeletFailure) throw pods;
    const found = lookUp(pods, podUid, containerId);
    if (found === undefined) throw new KubeletFailure('the kubelet lists no such pod with such a container');
    return found;
  }

  #newer(): Promise<List> {
    const last = this.#list;
    if (last !== undefined && performance.now() - last.atMs < last.pauseMs) return Promise.resolve(last);
    return (this.#flight ??= this.#fetch().then((list) => (this.#list = list)).finally(() => { this.#flight = undefined; }));
  }

  /** A failure serves for the pause too: a kubelet that is down is not asked for each peer. */
  async #fetch(): Promise<List> {
    let began = performance.now();
    let pods: Pods | KubeletFailure;
    try {
      const text = await fetchPods(this.#kubelet);
      began = performance.now();
      pods = parsePods(text);
    } catch (error) {
      if (!(error instanceof KubeletFailure)) throw error;
      pods = error;
    }
    const atMs = performance.now();
    return { atMs, pods, pauseMs: Math.max(SHORTEST_PAUSE_MS, PAUSE_PER_READING * (atMs - began)) };
  }
}

function lookUp(pods: Pods, podUid: string, containerId: string): Found | undefined {
  const pod = pods.get(podUid);
  const container = pod && [...pod.containers, ...pod.initContainers, ...pod.ephemeralContainers].find(({ id }) => id === containerId);
  return pod === undefined || container === undefined ? undefined : { pod, container };
}
