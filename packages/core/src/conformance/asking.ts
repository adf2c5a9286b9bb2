import { ok } from 'node:assert/strict';
import { Collector } from '../collect.js';
import type { Evidence, Evidenced, Findings } from '../evidence.js';
import { isFamily } from '../definition-problem.js';
import { FrozenSet } from '../frozen-set.js';
import type { Peer } from '../peer.js';
import type { SelectorKey } from '../selector.js';
import type { ConformanceSubject } from './subject.js';

/** As a gate's. */
const DEADLINE_MS = 5000;
const MAY_KEEP = 4;
const TURNS = 5;
const SETTLE_MS = 30;

/** Asks as the engine does, and says so where an answer takes longer than a gate would wait. */
export class Asking {
  readonly mayKeep: number;
  readonly #deadlineMs: number;
  #open: Peer[] = [];

  constructor({ deadlineMs = DEADLINE_MS, mayKeep = MAY_KEEP }: { readonly deadlineMs?: number; readonly mayKeep?: number }) {
    this.#deadlineMs = deadlineMs;
    this.mayKeep = mayKeep;
  }

  async open(subject: ConformanceSubject): Promise<Peer> {
    const peer = await subject.open();
    this.#open.push(peer);
    return peer;
  }

  async closePeers(): Promise<void> {
    this.closePeersNow();
    await this.turns();
  }

  /** Without a look at what comes of it. */
  closePeersNow(): void {
    const open = this.#open;
    this.#open = [];
    for (const peer of open) peer.close();
  }

  async kill(subject: ConformanceSubject, peer: Peer): Promise<void> {
    if (subject.kill === undefined) throw new TypeError('`kills` is set, and `setup` gives no `kill`');
    await subject.kill(peer);
  }

  /** What is still under way in this turn and the next ones has happened. */
  async turns(): Promise<void> {
    for (let turn = 0; turn < TURNS; turn += 1) await new Promise((resolve) => { setImmediate(resolve); });
    await new Promise((resolve) => { setTimeout(resolve, SETTLE_MS); });
  }

  /** Answers every key within its catalogue, whatever becomes of the peer meanwhile. */
  async sound(subject: ConformanceSubject, peer: Peer): Promise<void> {
    const keys = keysOf(subject);
    const evidence = await this.evidence(subject, peer, keys);
    for (const key of keys) {
      const entry = evidence.get(key);
      must(entry !== undefined && !(entry.state === 'unknown' && entry.why === 'attestor-defect'), `\`${key}\` has no sound answer of a peer that died`);
    }
  }

  /** What the attestor itself returns. */
  async raw(subject: ConformanceSubject, peer: Peer, keys: Iterable<SelectorKey>, signal: AbortSignal = new AbortController().signal): Promise<Findings> {
    const wanted = new FrozenSet(keys);
    return this.inTime(Promise.resolve(subject.attestor.attest(peer, wanted, signal, givenTo(subject))));
  }

  /** What the engine would make of it. */
  async evidence(subject: ConformanceSubject, peer: Peer, keys: ReadonlySet<SelectorKey>): Promise<Evidence> {
    const evidence = new Map<SelectorKey, Evidenced>([...givenTo(subject)].filter(([key]) => !keys.has(key))); // its own it is asked for
    const collector = new Collector([subject.attestor]);
    for (;;) {
      const left = new Set([...keys].filter((key) => !evidence.has(key)));
      if (left.size === 0) return evidence;
      await this.inTime(collector.collect(left, peer, evidence, new AbortController().signal) ?? Promise.resolve());
    }
  }

  async inTime<T>(answer: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => { reject(new Error(`no answer within ${String(this.#deadlineMs)} ms: bound what you wait for, a gate refuses the connection by then`)); }, this.#deadlineMs);
    });
    try {
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Every key that can be asked for: those of the catalogue, families by the kinds that the subject names. */
export function keysOf({ attestor, familyKeys = [] }: ConformanceSubject): ReadonlySet<SelectorKey> {
  return new FrozenSet([...attestor.selectors.map(({ key }) => key).filter((key) => !isFamily(key)), ...familyKeys]);
}

/** What other attestors would have found, for every key that is needed. */
export function givenTo({ attestor, given }: ConformanceSubject): Evidence {
  const needs = attestor.selectors.flatMap((definition) => definition.needs ?? []);
  return new Map(needs.map((key) => [key, given?.get(key) ?? ABSENT_THERE]));
}

const ABSENT_THERE: Evidenced = Object.freeze({ state: 'absent', tier: 'derived' });

/** Fails with a reason for who writes the attestor. */
export function must(holds: boolean, why: string): void {
  ok(holds, why);
}
