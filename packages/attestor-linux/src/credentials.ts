import type { PeerCredentials, RefusalCode } from '@portcullis/core';
import type { Capabilities } from './capabilities.js';
import { INVALID_ID } from './ffi/constants.js';

/** Ids that no process can have, or that stand for others (T13). */
export function refusedIds({ uid, gid }: PeerCredentials, { fullIdMaps, overflowUid, overflowGid }: Capabilities): RefusalCode | undefined {
  if (Number(uid) === INVALID_ID || Number(gid) === INVALID_ID) return 'credentials-invalid';
  return !fullIdMaps && (Number(uid) === overflowUid || Number(gid) === overflowGid) ? 'credentials-overflow' : undefined;
}
