import type { Grant } from '@portcullis/core';
import type { Observation } from './observation.js';

/** Peers that are kept apart; more are left out. */
export const MAX_PEERS = 2000;
/** Of one user: who runs a program under many names must not leave no room for others (T20). */
const MAX_PEERS_PER_UID = 500;
/** Reasons of what is left out that are kept apart. */
const MAX_REASONS = 200;

export type Generalisation = 'path' | 'uid';

/** A rule to be: every peer that it admits was seen, unless it was told to generalise. */
export interface LearntRule {
  readonly id: string;
  readonly uids: readonly number[];
  /** Whether `uids` are the ends of a range. */
  readonly uidRange: boolean;
  readonly path: string;
  /** Whether `path` is a pattern. */
  readonly pathGlob: boolean;
  readonly sha256: readonly string[];
  readonly container: string | undefined;
  readonly listeners: readonly string[];
  readonly grant: Grant;
  readonly count: number;
  readonly firstMs: number;
  readonly lastMs: number;
  /** One of the peers that were seen. */
  readonly example: Observation;
}

export interface LeftOut {
  readonly why: string;
  readonly uid?: number;
  readonly path?: string;
  count: number;
  /** Of the first one. */
  readonly line: number;
}

export interface Learnt {
  readonly rules: readonly LearntRule[];
  /** Whether of everyone who was learnt from it is known that nobody traced it. */
  readonly untraced: boolean;
  readonly lastMs: number;
}

interface Seen {
  readonly example: Observation;
  readonly uids: Set<number>;
  readonly paths: Set<string>;
  readonly digests: Set<string>;
  count: number;
  firstMs: number;
  lastMs: number;
}

/** Gathers peers, and makes rules of them: users of one program, at the same listeners, with the same grant, are one rule. */
export class Learner {
  readonly #peers = new Map<string, Seen & { readonly listeners: Set<string> }>();
  readonly #peersOfUid = new Map<number, number>();
  readonly #leftOut = new Map<string, LeftOut>();
  #untraced = true;

  /** @param line of the log, for who is left out */
  add(observation: Observation, line: number): void {
    const { uid, path, sha256, container, grant, listener, timeMs, untraced } = observation;
    const id = JSON.stringify([uid, path, sha256, container, grant]);
    let peer = this.#peers.get(id);
    if (peer === undefined) {
      if (this.#peers.size >= MAX_PEERS) {
        this.leaveOut(`there are more than ${String(MAX_PEERS)} different peers`, line);
        return;
      }
      const own = this.#peersOfUid.get(uid) ?? 0;
      if (own >= MAX_PEERS_PER_UID) {
        this.leaveOut(`this user comes as more than ${String(MAX_PEERS_PER_UID)} different peers`, line, uid);
        return;
      }
      this.#peersOfUid.set(uid, own + 1);
      peer = { example: observation, uids: new Set([uid]), paths: new Set([path]), digests: new Set(sha256 === undefined ? [] : [sha256]), listeners: new Set(), count: 0, firstMs: timeMs, lastMs: timeMs };
      this.#peers.set(id, peer);
    }
    if (listener !== undefined) peer.listeners.add(listener);
    this.#untraced &&= untraced;
    peer.count++;
    peer.firstMs = Math.min(peer.firstMs, timeMs);
    peer.lastMs = Math.max(peer.lastMs, timeMs);
  }

  leaveOut(why: string, line: number, uid?: number, path?: string): void {
    const id = JSON.stringify([why, uid, path]);
    const known = this.#leftOut.get(id) ?? (this.#leftOut.size >= MAX_REASONS ? this.#leftOut.get(MORE) : undefined);
    if (known !== undefined) known.count++;
    else if (this.#leftOut.size < MAX_REASONS) this.#leftOut.set(id, { why, ...(uid !== undefined && { uid }), ...(path !== undefined && { path }), count: 1, line });
    else this.#leftOut.set(MORE, { why: 'for these reasons, of other peers', count: 1, line });
  }

  get leftOut(): readonly LeftOut[] {
    return [...this.#leftOut.values()];
  }

  learn(generalise: ReadonlySet<Generalisation>): Learnt {
    let seen: (Seen & { readonly listeners: ReadonlySet<string> })[] = [...this.#peers.values()];
    if (generalise.has('path')) seen = join(seen, ({ example: { uid, path, container, grant }, listeners }) => JSON.stringify([uid, shapeOf(path), container, grant, [...listeners].sort()]));
    seen = join(seen, ({ example: { container, grant }, paths, digests, listeners }) => JSON.stringify([[...paths].sort(), [...digests].sort(), container, grant, [...listeners].sort()]));
    const names = new Map<string, number>();
    const rules = seen.map((one) => ruleOf(one, generalise, names));
    return { rules, untraced: this.#untraced && rules.length > 0, lastMs: rules.reduce((most, { lastMs }) => Math.max(most, lastMs), 0) };
  }
}

const MORE = '…';

function join<One extends Seen>(all: readonly One[], idOf: (one: One) => string): One[] {
  const joined = new Map<string, One>();
  for (const one of all) {
    const id = idOf(one);
    const known = joined.get(id);
    if (known === undefined) {
      joined.set(id, { ...one, uids: new Set(one.uids), paths: new Set(one.paths), digests: new Set(one.digests) });
      continue;
    }
    for (const uid of one.uids) known.uids.add(uid);
    for (const path of one.paths) known.paths.add(path);
    for (const digest of one.digests) known.digests.add(digest);
    known.count += one.count;
    known.firstMs = Math.min(known.firstMs, one.firstMs);
    known.lastMs = Math.max(known.lastMs, one.lastMs);
  }
  return [...joined.values()];
}

/** A path with the part that looks like a version left open: the only part that may be generalised. */
function shapeOf(path: string): string {
  const parts = path.split('/');
  const at = parts.findIndex((part, index) => index < parts.length - 1 && /^v?[0-9]+([._-][0-9A-Za-z]+)*$/.test(part));
  // A pattern's own characters in a path cannot be escaped.
  return at === -1 || /[*?[\]{}\\]/.test(path) ? path : [...parts.slice(0, at), '*', ...parts.slice(at + 1)].join('/');
}

function ruleOf({ example, uids, paths, digests, listeners, count, firstMs, lastMs }: Seen & { readonly listeners: ReadonlySet<string> }, generalise: ReadonlySet<Generalisation>, names: Map<string, number>): LearntRule {
  const sorted = [...uids].sort((a, b) => a - b);
  const uidRange = generalise.has('uid') && sorted.length > 1;
  const pathGlob = paths.size > 1;
  return {
    id: nameOf(example.path, names), uids: uidRange ? [sorted[0] ?? 0, sorted.at(-1) ?? 0] : sorted, uidRange,
    path: pathGlob ? shapeOf(example.path) : example.path, pathGlob, sha256: [...digests].sort(), container: example.container,
    listeners: [...listeners].sort(), grant: example.grant, count, firstMs, lastMs, example,
  };
}

/** What YAML reads as a number, or as nothing, true or false: no name of a rule. */
const NO_NAME = /^(?:[0-9].*|null|true|false)?$/i;

/** The program's name, made a rule's that no other has: whoever names programs must not be able to spoil the policy (T21). */
function nameOf(path: string, names: Map<string, number>): string {
  const plain = path.slice(path.lastIndexOf('/') + 1).replace(/[^A-Za-z0-9_.-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '').slice(0, 40);
  const name = NO_NAME.test(plain) ? `program${plain === '' ? '' : `-${plain}`}` : plain;
  let number = names.get(name) ?? 0;
  let id = name;
  do {
    number++;
    if (number > 1) id = `${name}-${String(number)}`;
  } while (number > 1 && names.has(id));
  names.set(name, number);
  if (id !== name) names.set(id, 1);
  return id;
}
