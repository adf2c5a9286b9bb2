import type { Grant, SelectorKey } from '@portcullis/core';
import type { RecordedDecision } from './recorded.js';
import type { Replayed } from './replay-record.js';

/** Groups, and peers of one group, that are kept apart: a log may have as many as it likes, memory has not. */
export const MAX_GROUPS = 1000;
export const MAX_PEERS = 50;

/** What was decided, by what. */
export interface Verdict {
  readonly decision: 'allow' | 'deny';
  readonly cause: string;
  readonly rules: readonly string[];
  readonly grant: Grant;
}

/** Connections of one user with one program to one listener. */
export interface ReplayedPeer {
  readonly listener: string;
  readonly uid?: number;
  readonly path?: string;
  count: number;
  /** Of its first connection. */
  readonly line: number;
}

/** Connections of which the same became, by the same rules. */
export interface ReplayGroup {
  readonly change: Exclude<Replayed['change'], 'same' | 'beside'>;
  readonly was: Verdict;
  /** Undefined where it is undetermined. */
  readonly now?: Verdict;
  /** What the answer depends on, where it is undetermined. */
  readonly missing: readonly SelectorKey[];
  count: number;
  readonly peers: readonly ReplayedPeer[];
  /** Connections of peers beyond those that are listed. */
  omitted: number;
}

export type ReplayCounts = Readonly<Record<Replayed['change'], number>>;

/** Gathers what became of recorded connections, in bounded memory. */
export class ReplayReport {
  readonly #groups = new Map<string, ReplayGroup & { readonly peers: ReplayedPeer[]; readonly byPeer: Map<string, ReplayedPeer> }>();
  readonly #counts = { same: 0, admits: 0, refuses: 0, grant: 0, undetermined: 0, beside: 0 };
  #ungrouped = 0;

  add(record: RecordedDecision, { change, decision, missing }: Replayed, line: number): void {
    this.#counts[change]++;
    if (change === 'same' || change === 'beside') return;
    const was: Verdict = { decision: record.effect, cause: record.cause, rules: record.rules, grant: record.grant };
    const now = decision === undefined ? undefined : { decision: decision.effect, cause: decision.cause, rules: decision.rules, grant: decision.grant };
    const id = JSON.stringify([change, was, now, missing]);
    let group = this.#groups.get(id);
    if (group === undefined) {
      if (this.#groups.size >= MAX_GROUPS) {
        this.#ungrouped++;
        return;
      }
      group = { change, was, ...(now && { now }), missing, count: 0, peers: [], omitted: 0, byPeer: new Map() };
      this.#groups.set(id, group);
    }
    group.count++;
    const { listener, uid, path } = record;
    const peerId = JSON.stringify([listener, uid, path]);
    const known = group.byPeer.get(peerId);
    if (known !== undefined) known.count++;
    else if (group.peers.length >= MAX_PEERS) group.omitted++;
    else {
      const peer = { listener, ...(uid !== undefined && { uid }), ...(path !== undefined && { path }), count: 1, line };
      group.byPeer.set(peerId, peer);
      group.peers.push(peer);
    }
  }

  get counts(): ReplayCounts {
    return { ...this.#counts };
  }

  /** Changed connections whose group was one too many. */
  get ungrouped(): number {
    return this.#ungrouped;
  }

  /** The largest first, those of which nothing is known last. */
  get groups(): readonly ReplayGroup[] {
    return [...this.#groups.values()]
      .sort((a, b) => Number(a.change === 'undetermined') - Number(b.change === 'undetermined') || b.count - a.count)
      .map(({ change, was, now, missing, count, omitted, peers }) => ({ change, was, ...(now && { now }), missing, count, omitted, peers: [...peers].sort((a, b) => b.count - a.count) }));
  }
}
