import { encodeDocuments } from '../compiled/compiled-file.js';
import type { PolicyIdentity } from '../decide/compiled-policy.js';
import type { DocEntry, DocList, DocMap, DocNode } from '../document/node.js';
import { itemsOf } from '../document/node.js';
import type { Remark } from '../document/remark.js';
import type { PolicyFinding } from '../findings/finding.js';
import type { SuppressedFinding } from '../findings/suppressions.js';
import { loadDocuments, type LoadedPolicy, type LoadOptions } from './load.js';

/** A policy that was read and checked, on its way to another thread, as structured clone takes it: all of it but the rules. */
export interface PolicyParcel {
  /** Undefined: a finding is an error. Otherwise its documents and rules follow. */
  readonly identity?: PolicyIdentity;
  readonly findings: readonly PolicyFinding[];
  readonly suppressed: readonly SuppressedFinding[];
  readonly files: readonly string[];
  readonly links: ReadonlyMap<string, string>;
  readonly folders: readonly string[];
  readonly sources: readonly (readonly [file: string, text: string])[];
  readonly documents: readonly { readonly file: string; readonly root: DocNode; readonly remarks: readonly Remark[] }[];
  /** How many batches follow. */
  readonly batches: number;
}

/** Some rules of one of its documents, in order. */
export interface RuleBatch {
  /** Which one it is: one that is lost would be rules that are lost. */
  readonly at: number;
  readonly document: number;
  readonly rules: readonly DocNode[];
}

export interface PackedPolicy {
  readonly loaded: LoadedPolicy;
  readonly parcel: PolicyParcel;
  readonly batches: readonly RuleBatch[];
  /** What `bundlePolicy` makes of it; undefined where it is not sound. */
  readonly bytes: () => Uint8Array | undefined;
}

/** Some milliseconds of whoever unpacks them. */
const RULES_OF_A_BATCH = 256;

/** Reads and checks a policy as `loadPolicy` does, for `unpackPolicy` in another thread. */
export function packPolicy(path: string, options: LoadOptions): PackedPolicy {
  const { loaded, documents } = loadDocuments(path, options);
  const { policy } = loaded;
  const kept = policy === undefined ? [] : documents;
  const { findings, suppressed, files, links, folders } = loaded;
  const batches = kept.flatMap(({ root }, document) => slices(itemsOf(root, 'rules')).map((rules) => ({ document, rules }))).map((batch, at) => ({ at, ...batch }));
  const parcel = {
    ...(policy && { identity: { name: policy.name, revision: policy.revision, expiresMs: policy.expiresMs } }), findings, suppressed, files, links, folders,
    sources: [...loaded.sources].map(([file, { text }]) => [file, text] as const),
    documents: kept.flatMap(({ file, root, remarks }) => (root === undefined ? [] : [{ file, root: withoutRules(root), remarks }])),
    batches: batches.length,
  };
  return { loaded, parcel, batches, bytes: () => (policy === undefined ? undefined : encodeDocuments(documents, path)) };
}

function slices(nodes: readonly DocNode[]): readonly (readonly DocNode[])[] {
  return Array.from({ length: Math.ceil(nodes.length / RULES_OF_A_BATCH) }, (_, at) => nodes.slice(at * RULES_OF_A_BATCH, (at + 1) * RULES_OF_A_BATCH));
}

function withoutRules(root: DocNode): DocNode {
  return withRules(root, []);
}

/** The document with these rules in place of its own; as it is where it has none. */
export function withRules(root: DocNode, items: readonly DocNode[]): DocNode {
  const rules = root.kind === 'map' ? root.entries.get('rules') : undefined;
  if (root.kind !== 'map' || rules?.value.kind !== 'list') return root;
  const list: DocList = { ...rules.value, items };
  const entry: DocEntry = { ...rules, value: list };
  const map: DocMap = { ...root, entries: new Map([...root.entries]).set('rules', entry) };
  return map;
}
