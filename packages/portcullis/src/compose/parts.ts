import {
  ATTESTOR, Catalogue, CONNECT_PORT, HANDOFF_PORT, LISTEN_PORT, MESSAGE_PORT, PEER_SOURCE, PortcullisError,
  type Attestor, type ConnectPort, type HandoffPort, type ListenPort, type MessagePort, type PeerSource, type Registrar,
} from '@portcullis/core';
import { container } from 'tsyringe';
import { attach } from './attach.js';
import type { Platform, PlatformOptions } from './platform.js';

/** Registers further attestors, or other parts under core's tokens: what a plugin package exports as `register`. */
export type Plugin = (registrar: Registrar) => void;

/** What a gate, or a verified connect, is made of, resolved once: nothing is resolved on the accept path. */
export interface Parts {
  readonly peerSource: PeerSource;
  readonly attestors: readonly Attestor[];
  readonly listenPort: ListenPort | undefined;
  readonly connectPort: ConnectPort | undefined;
  readonly handoffPort: HandoffPort | undefined;
  readonly messagePort: MessagePort | undefined;
  readonly catalogue: Catalogue;
}

/**
 * The parts of one gate, from a child container of its own: two gates of a process share nothing that a policy prepares.
 * The last registration of a peer source or port counts; attestors add up.
 */
export function resolveParts(platform: Platform, options: PlatformOptions = {}, plugins: readonly Plugin[] = [], more: readonly Attestor[] = []): Parts {
  const child = container.createChildContainer();
  const registrar: Registrar = { register: (token, provider) => child.register(token, provider) };
  platform.register(registrar, options);
  for (const plugin of plugins) plugin(registrar);
  const attestors = [...child.resolveAll<Attestor>(ATTESTOR), ...more];
  requireOwnNames(attestors);
  const connectPort = child.isRegistered(CONNECT_PORT) ? child.resolve<ConnectPort>(CONNECT_PORT) : undefined;
  const peerSource = child.resolve<PeerSource>(PEER_SOURCE);
  attach(attestors, platform, peerSource, connectPort);
  return {
    peerSource,
    attestors,
    listenPort: child.isRegistered(LISTEN_PORT) ? child.resolve<ListenPort>(LISTEN_PORT) : undefined,
    connectPort,
    handoffPort: child.isRegistered(HANDOFF_PORT) ? child.resolve<HandoffPort>(HANDOFF_PORT) : undefined,
    messagePort: child.isRegistered(MESSAGE_PORT) ? child.resolve<MessagePort>(MESSAGE_PORT) : undefined,
    catalogue: Catalogue.of(attestors),
  };
}

/** A name ends in records and messages, where it must say which. @throws PortcullisError `CATALOGUE_CONFLICT` */
function requireOwnNames(attestors: readonly Attestor[]): void {
  const names = new Set<string>();
  for (const { name } of attestors) {
    if (names.has(name)) throw new PortcullisError('CATALOGUE_CONFLICT', `two attestors are called \`${name}\``, { facts: { name } });
    names.add(name);
  }
}
