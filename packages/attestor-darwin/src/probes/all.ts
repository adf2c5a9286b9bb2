import type { DigestCache, Names } from '@portcullis/core/platform';
import type { Lsof } from '../lsof/lsof.js';
import { exe } from './exe.js';
import { lsofPath } from './lsof-path.js';
import { names } from './names.js';
import { peercred } from './peercred.js';
import { peergroups } from './peergroups.js';
import type { Probe } from './probe.js';
import { sha256 } from './sha256.js';
import { signature } from './signature.js';
import { token } from './token.js';

/** All probes in the order in which they are asked. */
export function probesOf(table: Names, lsof: Lsof, digests: DigestCache): readonly Probe[] {
  return [peercred, names(table), peergroups(table), token, exe(lsof), signature, sha256(digests), lsofPath(lsof)];
}
