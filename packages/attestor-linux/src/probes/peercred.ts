import { unknown, type SelectorDefinition } from '@portcullis/core';
import { MAX_U32 } from '../proc/decode.js';
import { constant, Findings, type Into, type Probe } from './probe.js';
import type { LinuxPeer } from '../peer.js';

const frozen = { many: false, trust: 'kernel-connect', cost: 'socket' } as const;

const selectors: readonly SelectorDefinition[] = [
  { ...frozen, key: 'unix:uid', value: { type: 'uint', max: MAX_U32 }, principal: true, summary: 'effective user id when the peer connected', example: 1000 },
  { ...frozen, key: 'unix:gid', value: { type: 'uint', max: MAX_U32 }, principal: true, summary: 'effective group id when the peer connected', example: 1000 },
  { ...frozen, key: 'unix:same-uid', value: { type: 'boolean' }, principal: true, summary: "whether the peer's user id is the gateway's own", example: true },
];

const ids = new Findings<number>((id) => constant(id));
/** A TCP socket has the id of the user who made it, and none of a group. */
export const NO_GID = Object.freeze(unknown('socket-unsupported', 'a TCP socket has no group'));
const SAME = constant(true);
const OTHER = constant(false);

/** SO_PEERCRED, or what sock_diag says of a TCP socket: read when the peer was opened. */
export const peercred: Probe = {
  selectors,
  ask({ credentials: { uid, gid } }: LinuxPeer, keys, into: Into) {
    for (const key of keys) {
      if (key === 'unix:uid') into.set(key, ids.of(uid));
      else if (key === 'unix:gid') into.set(key, gid === undefined ? NO_GID : ids.of(gid));
      else into.set(key, uid === process.geteuid?.() ? SAME : OTHER);
    }
    return undefined;
  },
};
