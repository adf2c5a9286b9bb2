import { KubeletFailure } from './failure.js';
import { structureOf } from './structure-of.js';

/** What of a pod matters here (core/v1 Pod). Texts may be empty. */
export interface Pod {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly owners: readonly { readonly kind: string; readonly name: string; readonly uid: string }[];
  readonly serviceAccount: string;
  readonly node: string;
  readonly containers: readonly Container[];
  readonly initContainers: readonly Container[];
  readonly ephemeralContainers: readonly Container[];
}

export interface Container {
  readonly name: string;
  /** Without the runtime before it (`containerd://`); empty of one that was not started yet. */
  readonly id: string;
  readonly image: string;
  readonly imageId: string;
}

/** Pods by uid. Two of one uid are told apart by nobody: neither is in it. */
export type Pods = ReadonlyMap<string, Pod>;

const MOST_PODS = 4096;
const MOST_CHARACTERS = 4096;
/** A pod has some thousand. Over http, whoever took the port answers: what is parsed blocks the event loop (T20). */
const MOST_STRUCTURE = 500_000;

/** Reads a PodList. @throws KubeletFailure, for what is not of this form as a whole */
export function parsePods(text: string): Pods {
  if (structureOf(text) > MOST_STRUCTURE) throw new KubeletFailure(`the kubelet answers more than ${String(MOST_STRUCTURE)} values`, 'limit');
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw malformed('no JSON');
  }
  const items = list(fields(document, 'the answer')['items'], 'items');
  if (items.length > MOST_PODS) throw new KubeletFailure(`the kubelet names ${String(items.length)} pods`, 'limit');
  const pods = new Map<string, Pod>();
  const twice = new Set<string>();
  for (const item of items) {
    const pod = parsePod(fields(item, 'items[]'));
    if (pods.has(pod.uid)) twice.add(pod.uid);
    pods.set(pod.uid, pod);
  }
  for (const uid of ['', ...twice]) pods.delete(uid);
  return pods;
}

function parsePod(item: Fields): Pod {
  const metadata = fields(item['metadata'] ?? {}, 'metadata');
  const spec = fields(item['spec'] ?? {}, 'spec');
  const status = fields(item['status'] ?? {}, 'status');
  return {
    uid: string(metadata['uid'], 'metadata.uid'),
    name: string(metadata['name'], 'metadata.name'),
    namespace: string(metadata['namespace'], 'metadata.namespace'),
    labels: new Map(Object.entries(fields(metadata['labels'] ?? {}, 'metadata.labels')).map(([name, value]) => [string(name, 'a label'), string(value, 'metadata.labels')])),
    owners: list(metadata['ownerReferences'], 'metadata.ownerReferences').map((one) => {
      const owner = fields(one, 'metadata.ownerReferences[]');
      return { kind: string(owner['kind'], 'kind'), name: string(owner['name'], 'name'), uid: string(owner['uid'], 'uid') };
    }),
    serviceAccount: string(spec['serviceAccountName'], 'spec.serviceAccountName'),
    node: string(spec['nodeName'], 'spec.nodeName'),
    containers: statuses(status['containerStatuses']),
    initContainers: statuses(status['initContainerStatuses']),
    ephemeralContainers: statuses(status['ephemeralContainerStatuses']),
  };
}

function statuses(value: unknown): readonly Container[] {
  return list(value, 'status').map((one) => {
    const status = fields(one, 'status.containerStatuses[]');
    return {
      name: string(status['name'], 'name'),
      id: /^[a-z0-9-]+:\/\/([0-9a-f]{64})$/.exec(string(status['containerID'], 'containerID'))?.[1] ?? '',
      image: string(status['image'], 'image'),
      imageId: string(status['imageID'], 'imageID'),
    };
  });
}

type Fields = Readonly<Record<string, unknown>>;

function malformed(what: string): KubeletFailure {
  return new KubeletFailure(`the kubelet answers no list of pods: ${what}`, 'undecodable');
}

function fields(value: unknown, at: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed(at);
  // Without the prototype: a missing field is undefined, whatever it is called. Not a copy, which costs more than the parsing did.
  return Object.setPrototypeOf(value, null) as Fields;
}

function list(value: unknown, at: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw malformed(at);
  return value;
}

function string(value: unknown, at: string): string {
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string' || value.length > MOST_CHARACTERS || value.includes('\0')) throw malformed(at);
  return value;
}
