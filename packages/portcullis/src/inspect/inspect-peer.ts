import { Collector, costRank, unknown, type CostTier, type Evidenced, type Peer, type SelectorKey } from '@portcullis/core';
import type { Parts } from '../compose/parts.js';
import { inspectedKeys, type Inspection } from './inspection.js';

/** Without a connection, keys of the cost tier `socket` have nobody to ask. */
const NO_CONNECTION = Object.freeze(unknown('socket-unsupported', 'frozen when a connection is made, and there is none'));
const MOST_MS = 30_000;

export interface InspectOptions {
  /** Whether the peer came through a connection. */
  readonly connection: boolean;
  /** Keys that are asked for only because somebody named them. */
  readonly named?: readonly SelectorKey[];
  /** Leaves out what reads whole files or asks other services. */
  readonly quick?: boolean;
}

/**
 * Asks for everything that the catalogue offers of one peer, the families and sensitive keys (I10) only where `named`
 * has them. Closes the peer.
 */
export async function inspectPeer(peer: Peer, { attestors, catalogue }: Parts, { connection, named = [], quick = false }: InspectOptions): Promise<Inspection> {
  try {
    for (const attestor of attestors) await attestor.prepare?.(new Map());
    const offered = catalogue.definitions();
    const slow = (cost: CostTier): boolean => quick && costRank(cost) > costRank('proc');
    const cheap = offered.filter(({ key, sensitive, cost }) => !key.endsWith(':*') && sensitive !== true && !slow(cost)).map(({ key }) => key);
    const evidence = new Map<SelectorKey, Evidenced>();
    let wanted = new Set([...cheap, ...named]);
    if (!connection) for (const key of wanted) if (catalogue.find(key)?.cost === 'socket') evidence.set(key, NO_CONNECTION);
    const collector = new Collector(attestors);
    const signal = AbortSignal.timeout(MOST_MS);
    for (;;) {
      wanted = new Set([...wanted].filter((key) => !evidence.has(key)));
      if (wanted.size === 0) break;
      await collector.collect(wanted, peer, evidence, signal);
    }
    const lost = peer.verify(); // I3: after the last look
    const { pid, uid, gid } = peer.credentials;
    return {
      pid, uid, ...(gid !== undefined && { gid }), pin: peer.pin, connection, keys: inspectedKeys(evidence, catalogue),
      unasked: offered.map(({ key }) => key).filter((key) => !cheap.includes(key) && !named.some((name) => catalogue.find(name)?.key === key)),
      ...(lost !== undefined && { lost: `${lost.refused}: ${lost.detail}` }),
    };
  } finally {
    peer.close();
    for (const attestor of attestors) await attestor.close?.();
  }
}
