import { attestorHost, PEER_SOURCE, type Attestor, type AttestorHost, type ConnectPort, type PeerSource } from '@portcullis/core';
import type { Platform } from './platform.js';

/** Gives attestors that ask services what this platform offers them; nothing where it has no verified connect. */
export function attach(attestors: readonly Attestor[], platform: Platform, peerSource: PeerSource, connectPort: ConnectPort | undefined): void {
  if (connectPort === undefined) return;
  let host: AttestorHost | undefined;
  for (const attestor of attestors) attestor.attach?.((host ??= attestorHost({ peerSource: ofUnixSockets(peerSource, platform), connectPort })));
}

/** A gate on a TCP port has a source of its own, which refuses the Unix sockets of services. */
function ofUnixSockets(peerSource: PeerSource, platform: Platform): PeerSource {
  if (peerSource.transport !== 'tcp') return peerSource;
  let other = peerSource;
  platform.register({ register: (token, { useValue }) => { if (token === PEER_SOURCE) other = useValue as PeerSource; } }, {});
  return other;
}
