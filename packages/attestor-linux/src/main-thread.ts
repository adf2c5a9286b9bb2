import { unknown, type Unknown } from '@portcullis/core';
import { SysFailure } from './ffi/errno.js';
import type { LinuxPeer } from './peer.js';
import { asBuffer } from './proc/decode.js';
import { readProc } from './proc/read.js';

/**
 * Why `/proc/PID` says nothing of `what` any more: the main thread has exited while others go on, and shows what is left of itself alone (I4).
 * Then it has no memory: `statm`, which anybody may read and which never waits, says 0 pages.
 */
export function whyMainGone(peer: LinuxPeer, what: string): Unknown | undefined {
  const folder = peer.procFolder();
  if (typeof folder !== 'string') return folder;
  const statm = readProc(`${folder}/statm`);
  if (statm instanceof SysFailure) return peer.unknownOf(statm);
  return asBuffer(statm).toString('latin1').startsWith('0 ') ? unknown('not-visible', `its main thread has exited, and shows ${what} no more`) : undefined;
}
