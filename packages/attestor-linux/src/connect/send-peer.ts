import type { Fd, Peer } from '@portcullis/core';
import { SysFailure } from '../ffi/errno.js';
import { sendWithDescriptor } from '../ffi/sendmsg.js';
import { LinuxPeer } from '../peer.js';

/** Sends a duplicate of the peer's pidfd beside the bytes. Undefined: nothing was sent, and whoever has it asks in another way. */
export function sendPeer(fd: Fd, bytes: Uint8Array, peer: Peer): number | undefined {
  const pidfd = peer instanceof LinuxPeer ? peer.pidfd() : undefined;
  if (typeof pidfd !== 'number') return undefined;
  const sent = sendWithDescriptor(fd, bytes, pidfd);
  return sent instanceof SysFailure ? undefined : sent;
}
