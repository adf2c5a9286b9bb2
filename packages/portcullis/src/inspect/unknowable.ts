import type { SelectorKey, UnknownReason } from '@portcullis/core';
import { resolveParts } from '../compose/parts.js';
import { loadPlatform } from '../compose/platform.js';
import { inspectPeer } from './inspect-peer.js';
import { peerOfSocket } from './open-peer.js';
import { connectToSelf } from './self.js';

/** Reasons that lie with this host and not with one peer. */
const OF_THE_HOST: ReadonlySet<string> = new Set<UnknownReason>(['kernel-unsupported', 'socket-unsupported', 'service-down', 'system-error', 'no-attestor']);

/**
 * The keys that cannot be known here of anybody, found by asking about ourselves through a socket of our own. Undefined
 * where none could be made.
 */
export async function unknowableHere(): Promise<ReadonlyMap<SelectorKey, string> | undefined> {
  const parts = resolveParts(await loadPlatform(), { self: 'allow' });
  const self = await connectToSelf().catch(() => undefined);
  if (self === undefined) return undefined;
  try {
    const { keys } = await inspectPeer(peerOfSocket(parts.peerSource, self.accepted), parts, { connection: true, quick: true });
    return new Map(keys.filter(({ why }) => why !== undefined && OF_THE_HOST.has(why)).map(({ key, why }) => [key, why ?? '']));
  } finally {
    self.close();
  }
}
