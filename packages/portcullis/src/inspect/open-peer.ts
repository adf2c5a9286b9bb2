import { isRefusal, PortcullisError, socketFd, type Peer, type PeerRefusal, type PeerSource, type Pid } from '@portcullis/core';
import type { Socket } from 'node:net';

/** The peer of a connection, or an error that says why it cannot be one. @throws PortcullisError `PEER_REFUSED` */
export function peerOfSocket(source: PeerSource, socket: Socket): Peer {
  return accepted(source.open({ origin: undefined, get fd() { return socketFd(socket); } }));
}

/** A running process without a connection. @throws PortcullisError `PEER_REFUSED`, `PLATFORM_UNSUPPORTED` */
export async function peerOfPid(pid: number): Promise<Peer> {
  if (process.platform !== 'linux') throw new PortcullisError('PLATFORM_UNSUPPORTED', '`--pid` needs Linux: elsewhere a process can only be looked at through a connection');
  const { openPid } = await import('@portcullis/attestor-linux');
  const opened = openPid(pid as Pid);
  if (isRefusal(opened) && opened.refused === 'peer-exited') throw new PortcullisError('PEER_REFUSED', `there is no process ${String(pid)} here: ${opened.detail}`, { facts: { refused: opened.refused } });
  return accepted(opened);
}

function accepted(opened: Peer | PeerRefusal): Peer {
  if (!isRefusal(opened)) return opened;
  throw new PortcullisError('PEER_REFUSED', `${opened.refused}: ${opened.detail}`, { facts: { refused: opened.refused } });
}
