import { ATTESTOR, CONNECT_PORT, HANDOFF_PORT, LISTEN_PORT, MESSAGE_PORT, PEER_SOURCE, type Registrar, type Transport } from '@portcullis/core';
import { LinuxAttestor } from './attestor.js';
import { linuxConnectPort } from './connect/connect-port.js';
import { LinuxHandoffPort } from './handoff/handoff-port.js';
import { linuxListenPort } from './listen/listen-port.js';
import { LoopbackPeerSource } from './loopback/loopback-peer-source.js';
import { LinuxMessagePort } from './messages/message-port.js';
import { LinuxPeerSource, type PeerSourceOptions } from './peer-source.js';

/** Registers this platform with a tsyringe container, under core's tokens: the peer source of Unix sockets, unless told. */
export function register(container: Registrar, options: PeerSourceOptions & { readonly transport?: Transport } = {}): void {
  const source = options.transport === 'tcp' ? new LoopbackPeerSource(options) : new LinuxPeerSource(options);
  const { capabilities } = source;
  container.register(PEER_SOURCE, { useValue: source });
  container.register(ATTESTOR, { useValue: new LinuxAttestor() });
  container.register(LISTEN_PORT, { useValue: linuxListenPort() });
  container.register(CONNECT_PORT, { useValue: linuxConnectPort(capabilities) });
  // Of a TCP connection, nobody says who sends.
  if (options.transport !== 'tcp') container.register(HANDOFF_PORT, { useValue: new LinuxHandoffPort(capabilities) });
  container.register(MESSAGE_PORT, { useValue: new LinuxMessagePort({ ...options, capabilities }) });
}
