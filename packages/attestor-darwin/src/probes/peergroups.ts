import { ABSENT, normaliseValues, unknown, type Finding, type SelectorDefinition } from '@portcullis/core';
import type { Names } from '@portcullis/core/platform';
import { NGROUPS } from '../ffi/constants.js';
import type { Xucred } from '../ffi/layout.js';
import type { DarwinPeer } from '../peer.js';
import { MAX_U32, type Into, type Probe } from './probe.js';

const frozen = { many: true, trust: 'kernel-connect', cost: 'socket', principal: true } as const;

const selectors: readonly SelectorDefinition[] = [
  { ...frozen, key: 'unix:supplementary_gid', value: { type: 'uint', max: MAX_U32 }, summary: 'supplementary group ids when the peer connected; unknown of a peer with 16 groups or more', example: 80 },
  { ...frozen, key: 'unix:supplementary_group', value: { type: 'name' }, summary: 'names of the supplementary groups', example: 'admin' },
];

/** The groups of LOCAL_PEERCRED behind the first, which is the gid. */
export function peergroups(table: Names): Probe {
  return {
    selectors,
    ask({ frozen: credentials }: DarwinPeer, keys, into: Into) {
      const gids = supplementary(credentials);
      for (const key of keys) into.set(key, 'state' in gids ? gids : key === 'unix:supplementary_gid' ? { state: 'present', values: gids } : namesOf(gids, table));
      return undefined;
    },
  };
}

/**
 * The kernel hands out 16 groups at most, and a user of Open Directory has more: a full list may be a cut one, and a group
 * that was cut off must not look like one that the peer has not (I4).
 */
function supplementary({ groups }: Xucred): readonly number[] | Finding {
  if (groups.length >= NGROUPS) return unknown('limit', `LOCAL_PEERCRED has ${String(groups.length)} groups, the most that it can have`);
  const gids = normaliseValues(groups.slice(1)) as readonly number[];
  return gids.length === 0 ? ABSENT : gids;
}

/** One name that nobody can tell makes them unknown as a whole (I4). */
function namesOf(gids: readonly number[], table: Names): Finding {
  const values: string[] = [];
  for (const gid of gids) {
    const name = table.group(gid);
    if (typeof name !== 'string') return name;
    values.push(name);
  }
  return { state: 'present', values: normaliseValues(values) };
}
