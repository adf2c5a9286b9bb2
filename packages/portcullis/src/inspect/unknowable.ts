import type { SelectorKey, Transport, UnknownReason } from '@portcullis/core';
import type { Unknowable } from '../check/all-host-warnings.js';
import { resolveParts, type Plugin } from '../compose/parts.js';
import { loadPlatform } from '../compose/platform.js';
import { inspectPeer } from './inspect-peer.js';
import { peerOfSocket } from './open-peer.js';
import { connectToSelf } from './self.js';
import { connectToSelfOverTcp } from './self-tcp.js';

/** Reasons that lie with this host and not with one peer. */
const OF_THE_HOST: ReadonlySet<string> = new Set<UnknownReason>(['kernel-unsupported', 'socket-unsupported', 'service-down', 'system-error', 'no-attestor']);
/** Over TCP a process is looked for: where that may not be done for ourselves, it may be done for nobody. */
const OF_THE_HOST_OVER_TCP: ReadonlySet<string> = new Set<UnknownReason>(['permission', 'not-visible', 'limit']);

/**
 * The keys that cannot be known here of anybody, found by asking about ourselves through a socket of our own. Undefined
 * where none could be made.
 */
export async function unknowableHere(transport: Transport = 'unix', plugins: readonly Plugin[] = []): Promise<ReadonlyMap<SelectorKey, string> | undefined> {
  const parts = resolveParts(await loadPlatform(), { self: 'allow', transport }, plugins);
  const self = await (transport === 'tcp' ? connectToSelfOverTcp() : connectToSelf()).catch(() => undefined);
  if (self === undefined) return undefined;
  const ofTheHost = (why: string): boolean => OF_THE_HOST.has(why) || (transport === 'tcp' && OF_THE_HOST_OVER_TCP.has(why));
  try {
    const { keys } = await inspectPeer(peerOfSocket(parts.peerSource, self.accepted), parts, { connection: true, quick: true });
    return new Map(keys.filter(({ why }) => why !== undefined && ofTheHost(why)).map(({ key, why }) => [key, why ?? '']));
  } finally {
    self.close();
  }
}

/** For policies of which some listeners may be loopback ports, what cannot be known of either kind of peer. */
export async function unknowableFor(policies: readonly { readonly tcpListeners?: readonly string[] }[], plugins: readonly Plugin[] = []): Promise<Unknowable> {
  const overTcp = policies.some(({ tcpListeners = [] }) => tcpListeners.length > 0);
  return { unix: await unknowableHere('unix', plugins), tcp: overTcp ? await unknowableHere('tcp', plugins) : undefined };
}
