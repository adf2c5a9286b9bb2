import type { DigestCache, Names } from '@portcullis/core/platform';
import type { ProcessCache } from '../image/process-cache.js';
import { ancestry } from './ancestry.js';
import { asserted } from './asserted.js';
import { cgroup } from './cgroup.js';
import { cgroupXattr } from './cgroup-xattr.js';
import { earlyData } from './early-data.js';
import { exe } from './exe.js';
import { fsverity } from './fsverity.js';
import { names } from './names.js';
import { namespaces } from './namespaces.js';
import { peercred } from './peercred.js';
import { peergroups } from './peergroups.js';
import { peersec } from './peersec.js';
import { pin } from './pin.js';
import type { Probe } from './probe.js';
import { sha256 } from './sha256.js';
import { status } from './status.js';

/**
 * All probes in the order in which they are asked. The program image comes last of its tier: its own check then stands
 * after everything else that was read of the process.
 */
export function probesOf(table: Names, processes: ProcessCache, digests: DigestCache): readonly Probe[] {
  return [
    peercred, earlyData, names(table), peergroups(table), peersec, pin, cgroup(processes), cgroupXattr(processes), status, namespaces, ancestry,
    asserted, exe(processes), fsverity(processes), sha256(processes, digests),
  ];
}
