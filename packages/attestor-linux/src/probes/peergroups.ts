import { ABSENT, unknown, type Finding, type SelectorDefinition } from '@portcullis/core';
import type { Names } from '@portcullis/core/platform';
import { SysFailure } from '../ffi/errno.js';
import { getPeerGroups } from '../ffi/sockopt.js';
import type { LinuxPeer } from '../peer.js';
import { MAX_U32 } from '../proc/decode.js';
import { unknownOf } from '../unknown-of.js';
import type { Into, Probe } from './probe.js';

const frozen = { many: true, trust: 'kernel-connect', cost: 'socket', principal: true } as const;

const selectors: readonly SelectorDefinition[] = [
  { ...frozen, key: 'unix:supplementary_gid', value: { type: 'uint', max: MAX_U32 }, summary: 'supplementary group ids when the peer connected', example: 27 },
  { ...frozen, key: 'unix:supplementary_group', value: { type: 'name' }, summary: 'names of the supplementary groups', example: 'docker' },
];

/** SO_PEERGROUPS, Linux 4.13. A peer without supplementary groups has them *absent*. */
export function peergroups(names: Names): Probe {
  return {
    selectors,
    ask(peer: LinuxPeer, keys, into: Into) {
      const { gids, finding } = readGroups(peer);
      for (const key of keys) {
        into.set(key, finding ?? (key === 'unix:supplementary_gid' ? { state: 'present', values: gids } : namesOf(gids, names)));
      }
      return undefined;
    },
  };
}

/** One name that nobody can tell makes them unknown as a whole (I4). */
function namesOf(gids: readonly number[], names: Names): Finding {
  const values: string[] = [];
  for (const gid of gids) {
    const name = names.group(gid);
    if (typeof name !== 'string') return name;
    values.push(name);
  }
  return { state: 'present', values };
}

/** The group ids, or the one finding that stands for both keys. */
interface Groups {
  readonly gids: readonly number[];
  readonly finding: Finding | undefined;
}

function readGroups(peer: LinuxPeer): Groups {
  const { fd } = peer.connection;
  if (fd === undefined) return { gids: [], finding: unknown('peer-exited', 'the connection is closed') };
  const gids = getPeerGroups(fd);
  if (gids instanceof SysFailure) return { gids: [], finding: unknownOf(gids) };
  // An id outside our map is shown as the overflow id: which groups those are cannot be seen from here (T13).
  const { fullIdMaps, overflowGid } = peer.capabilities;
  if (!fullIdMaps && gids.includes(overflowGid)) return { gids, finding: unknown('not-visible', 'a group is outside our gid map') };
  return { gids, finding: gids.length === 0 ? ABSENT : undefined };
}
