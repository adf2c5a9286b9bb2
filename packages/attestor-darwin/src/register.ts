import { ATTESTOR, CONNECT_PORT, LISTEN_PORT, PEER_SOURCE, type Registrar } from '@portcullis/core';
import { DarwinAttestor } from './attestor.js';
import { darwinConnectPort } from './connect/connect-port.js';
import { darwinListenPort } from './listen/listen-port.js';
import { DarwinPeerSource, type PeerSourceOptions } from './peer-source.js';

/** Registers this platform with a tsyringe container, under core's tokens. */
export function register(container: Registrar, options: PeerSourceOptions = {}): void {
  container.register(PEER_SOURCE, { useValue: new DarwinPeerSource(options) });
  container.register(ATTESTOR, { useValue: new DarwinAttestor() });
  container.register(LISTEN_PORT, { useValue: darwinListenPort(options.libc) });
  container.register(CONNECT_PORT, { useValue: darwinConnectPort(options.libc) });
}
