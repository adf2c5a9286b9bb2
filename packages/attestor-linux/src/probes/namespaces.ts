import { ABSENT, type Finding, type SelectorDefinition } from '@portcullis/core';
import { NAMESPACES } from '../capabilities.js';
import { SysFailure } from '../ffi/errno.js';
import { cPath } from '../ffi/file.js';
import { statPath } from '../ffi/statx.js';
import type { LinuxPeer } from '../peer.js';
import { MAX_U32 } from '../proc/decode.js';
import { present, type Into, type Probe } from './probe.js';

const live = { trust: 'kernel-live', cost: 'proc' } as const;
const SHARED = 'linux:shared-ns';

const selectors: readonly SelectorDefinition[] = [
  { ...live, key: SHARED, many: true, value: { type: 'enum', values: NAMESPACES }, summary: 'namespaces that the peer shares with the gateway', example: 'mnt' },
  ...NAMESPACES.map((name): SelectorDefinition => ({
    ...live, key: `linux:${name}-ns`, many: false, value: { type: 'uint', max: MAX_U32 }, summary: `inode of the ${name} namespace`, example: 4_026_531_840,
  })),
];

/** `/proc/PID/ns/*`. One namespace that cannot be looked at makes the shared ones unknown as a whole (I4). */
export const namespaces: Probe = {
  selectors,
  ask(peer: LinuxPeer, keys, into: Into) {
    const shared: string[] = [];
    let hidden: Finding | undefined;
    for (const name of NAMESPACES) {
      const key = `linux:${name}-ns` as const;
      const alone = keys.includes(key);
      if (!alone && !keys.includes(SHARED)) continue;
      const own = peer.capabilities.namespaces.get(name);
      const finding = own === undefined ? ABSENT : look(peer, name);
      if (alone) into.set(key, finding);
      if (finding.state === 'unknown') hidden ??= finding;
      if (finding.state === 'present' && own === BigInt(finding.values[0] ?? 0)) shared.push(name);
    }
    if (keys.includes(SHARED)) into.set(SHARED, hidden ?? (shared.length === 0 ? ABSENT : { state: 'present', values: shared }));
    return undefined;
  },
};

function look(peer: LinuxPeer, name: string): Finding {
  const folder = peer.procFolder();
  if (typeof folder !== 'string') return folder;
  const path = `${folder}/ns/${name}`;
  const file = statPath(cPath(path), path);
  return file instanceof SysFailure ? peer.unknownOf(file) : present(Number(file.ino));
}
