import { ATTESTOR, PEER_SOURCE, type Registrar } from '@portcullis/core';
import { DarwinAttestor } from './attestor.js';
import { DarwinPeerSource } from './peer-source.js';

/** Registers what this package offers under core's tokens; a tsyringe container is a `Registrar`. */
export function register(container: Registrar): void {
  container.register(PEER_SOURCE, { useValue: new DarwinPeerSource() });
  container.register(ATTESTOR, { useValue: new DarwinAttestor() });
}
