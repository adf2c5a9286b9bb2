import { ABSENT, kindOf, unknown, type Fd, type Finding, type SelectorDefinition, type TrustTier, type Unknown } from '@portcullis/core';
import { isRoots } from '../cgroup/anchor.js';
import { hierarchyOf } from '../cgroup/hierarchy.js';
import { cgroupIdOf, placeOf, type Place } from '../cgroup/place.js';
import { O_DIRECTORY, O_NOFOLLOW } from '../ffi/constants.js';
import { ENODATA, ENOENT, SysFailure } from '../ffi/errno.js';
import { closeFd, cPath, openRead } from '../ffi/file.js';
import { statFd } from '../ffi/statx.js';
import { getXattr } from '../ffi/xattr.js';
import type { ProcessCache } from '../image/process-cache.js';
import type { LinuxPeer } from '../peer.js';
import { decodeText } from '../proc/decode.js';
import { unknownOf } from '../unknown-of.js';
import { allUnknown, undecodable, type Into, type Probe } from './probe.js';

const MAX_VALUE_BYTES = 4096;

const selectors: readonly SelectorDefinition[] = [
  { key: 'cgroup-xattr:*', value: { type: 'text' }, many: false, trust: 'derived', cost: 'proc', summary: "one user extended attribute of the peer's own group (version 2), without `user.`", example: '0f1e2d3c4b5a69788796a5b4c3d2e1f0' },
];

/**
 * `user.*` attributes (kernel 5.7) of the group that the peer is in: systemd writes `user.invocation_id` and `user.delegate`.
 * Only those that a policy names are asked. Who may write the folder may write them, so that they are worth `derived` where
 * that is root alone, outside of containers, and `peer-asserted` elsewhere.
 */
export function cgroupXattr(processes: ProcessCache): Probe {
  return {
    selectors,
    ask(peer: LinuxPeer, keys, into: Into) {
      const group = open(peer, processes);
      if ('state' in group) {
        allUnknown(keys, group, into);
        return undefined;
      }
      for (const key of keys) into.set(key, ask(group, kindOf(key)));
      closeFd(group.fd);
      return undefined;
    },
  };
}

/** The peer's group, held so that another of that name is not asked instead. */
interface Group {
  readonly fd: Fd;
  readonly tier: TrustTier;
}

function open(peer: LinuxPeer, processes: ProcessCache): Group | Unknown {
  const place = placeOf(peer, processes);
  if ('state' in place) return place;
  const { unified } = place;
  if (place.identity.namespaced === true) return unknown('unanchored', place.identity.why);
  const root = unified && hierarchyOf(unified);
  if (unified === undefined || root === undefined) return unknown('kernel-unsupported', 'version 2 of control groups is not mounted here as a whole');
  const cgroupId = cgroupIdOf(peer);
  if (typeof cgroupId === 'object') return cgroupId;
  const path = `${root}${unified.path}`;
  const fd = openRead(cPath(path), path, O_DIRECTORY | O_NOFOLLOW);
  if (typeof fd !== 'number') return fd.errno === ENOENT ? unknown('unanchored', fd.toString()) : unknownOf(fd);
  const folder = statFd(fd);
  if (!(folder instanceof SysFailure) && (cgroupId === undefined || folder.ino === cgroupId)) {
    return { fd, tier: tierOf(place, isRoots(folder)) };
  }
  closeFd(fd);
  return folder instanceof SysFailure ? unknownOf(folder) : unknown('unanchored', 'its group is not the one of the pidfd');
}

/** The root of a container may be the host's by its number, and may have the hierarchy to write to. */
function tierOf({ identity }: Place, roots: boolean): TrustTier {
  return roots && identity.container === undefined && identity.lookalike !== true ? 'derived' : 'peer-asserted';
}

function ask({ fd, tier }: Group, name: string): Finding {
  const bytes = getXattr(fd, `user.${name}`);
  if (bytes instanceof SysFailure) return bytes.errno === ENODATA ? { ...ABSENT, tier } : unknownOf(bytes);
  if (bytes.length === 0) return { ...ABSENT, tier };
  const value = decodeText(bytes, MAX_VALUE_BYTES);
  return value === undefined || value.includes('\0') ? undecodable(`user.${name}`) : { state: 'present', values: [value], tier };
}

