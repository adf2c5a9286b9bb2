import type { SelectorDefinition } from '@portcullis/core';
import type { DarwinPeer } from '../peer.js';
import { MAX_U32, present, type Into, type Probe } from './probe.js';

const frozen = { many: false, trust: 'kernel-connect', cost: 'socket' } as const;

const selectors: readonly SelectorDefinition[] = [
  { ...frozen, key: 'unix:uid', value: { type: 'uint', max: MAX_U32 }, principal: true, summary: 'effective user id when the peer connected', example: 501 },
  { ...frozen, key: 'unix:gid', value: { type: 'uint', max: MAX_U32 }, principal: true, summary: 'effective group id when the peer connected', example: 20 },
  { ...frozen, key: 'unix:same-uid', value: { type: 'boolean' }, principal: true, summary: "whether the peer's user id is the gateway's own", example: true },
];

/** LOCAL_PEERCRED: read when the peer was opened. */
export const peercred: Probe = {
  selectors,
  ask({ credentials: { uid, gid } }: DarwinPeer, keys, into: Into) {
    for (const key of keys) {
      if (key === 'unix:same-uid') into.set(key, present(uid === process.geteuid?.()));
      else into.set(key, present(key === 'unix:uid' ? uid : gid));
    }
    return undefined;
  },
};
