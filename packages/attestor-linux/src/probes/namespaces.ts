import { ABSENT, normaliseValues, unknown, type Fd, type Finding, type SelectorDefinition } from '@portcullis/core';
import { NAMESPACES } from '../capabilities.js';
import { SysFailure } from '../ffi/errno.js';
import { O_PATH } from '../ffi/constants.js';
import { statFd } from '../ffi/statx.js';
import { closeAll } from '../ffi/file.js';
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
    const all = keys.includes(SHARED);
    const names = NAMESPACES.filter((name) => all || keys.includes(`linux:${name}-ns`));
    const found = lookAt(peer, names);
    const shared: string[] = [];
    let hidden: Finding | undefined;
    for (const name of names) {
      const finding = found.get(name) ?? ABSENT;
      if (keys.includes(`linux:${name}-ns`)) into.set(`linux:${name}-ns`, finding);
      if (finding.state === 'unknown') hidden ??= finding;
      if (finding.state === 'present' && peer.capabilities.namespaces.get(name) === BigInt(finding.values[0] ?? 0)) shared.push(name);
    }
    if (all) into.set(SHARED, hidden ?? (shared.length === 0 ? ABSENT : { state: 'present', values: normaliseValues(shared) }));
    return undefined;
  },
};

/** Of those that this kernel has. */
function lookAt(peer: LinuxPeer, names: readonly string[]): ReadonlyMap<string, Finding> {
  const known = names.filter((name) => peer.capabilities.namespaces.has(name));
  const folder = peer.procFolder();
  const opened = typeof folder === 'string' ? peer.open(known.map((name) => ({ path: `${folder}/ns/${name}`, flags: O_PATH }))) : folder;
  if ('why' in opened) return new Map(known.map((name) => [name, opened]));
  const found = new Map(known.map((name, at) => [name, findingOf(peer, opened[at])]));
  closeAll(opened);
  return found;
}

function findingOf(peer: LinuxPeer, fd: Fd | SysFailure | undefined): Finding {
  const file = typeof fd === 'number' ? statFd(fd) : fd;
  if (file === undefined) return unknown('system-error', 'the namespace was not looked at');
  return file instanceof SysFailure ? peer.unknownOf(file) : present(Number(file.ino));
}
