import { ABSENT, normaliseValues, unknown, type Finding, type SelectorDefinition, type SelectorValue } from '@portcullis/core';
import type { Names } from '@portcullis/core/platform';
import type { Groups, LinuxPeer } from '../peer.js';
import { MAX_U32 } from '../proc/decode.js';
import type { Into, Probe } from './probe.js';

const frozen = { many: true, trust: 'kernel-connect', cost: 'socket', principal: true } as const;

const selectors: readonly SelectorDefinition[] = [
  { ...frozen, key: 'unix:supplementary_gid', value: { type: 'uint', max: MAX_U32 }, summary: 'supplementary group ids when the peer connected', example: 27 },
  { ...frozen, key: 'unix:supplementary_group', value: { type: 'name' }, summary: 'names of the supplementary groups', example: 'docker' },
];

/** SO_PEERGROUPS, Linux 4.13. A peer without supplementary groups has them *absent*. */
export function peergroups(names: Names): Probe {
  let lastGids: readonly number[] = [];
  let last: Finding = ABSENT;

  /** Most peers of a socket are in the same groups, and `getPeerGroups` answers with the same array then. */
  function gidsOf(groups: Groups): Finding {
    if (groups.tier !== undefined) return found(groups.gids, groups);
    if (groups.gids !== lastGids) {
      lastGids = groups.gids;
      last = Object.freeze({ state: 'present', values: Object.freeze(normaliseValues(lastGids)) });
    }
    return last;
  }

  return {
    selectors,
    ask(peer: LinuxPeer, keys, into: Into) {
      const groups = readGroups(peer);
      for (const key of keys) {
        if ('state' in groups) into.set(key, groups);
        else into.set(key, key === 'unix:supplementary_gid' ? gidsOf(groups) : namesOf(groups, names));
      }
      return undefined;
    },
  };
}

/** One name that nobody can tell makes them unknown as a whole (I4). */
function namesOf(groups: Groups, names: Names): Finding {
  const values: string[] = [];
  for (const gid of groups.gids) {
    const name = names.group(gid);
    if (typeof name !== 'string') return name;
    values.push(name);
  }
  return found(values, groups);
}

function found(all: readonly SelectorValue[], { tier }: Groups): Finding {
  const values = normaliseValues(all);
  return tier === undefined ? { state: 'present', values } : { state: 'present', values, tier };
}

/** The groups, at least one, or the finding that stands for both keys. */
function readGroups(peer: LinuxPeer): Groups | Finding {
  const groups = peer.groups();
  if ('state' in groups) return groups;
  // An id outside our map is shown as the overflow id: which groups those are cannot be seen from here (T13).
  const { fullIdMaps, overflowGid } = peer.capabilities;
  if (!fullIdMaps && groups.gids.includes(overflowGid)) return unknown('not-visible', 'a group is outside our gid map');
  if (groups.gids.length > 0) return groups;
  return groups.tier === undefined ? ABSENT : { ...ABSENT, tier: groups.tier };
}
