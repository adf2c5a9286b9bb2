import { ABSENT, unknown } from '@portcullis/core';
import { readBeside } from './read-beside.mjs';
import { licenceIn } from './spdx.mjs';

/** What is named so, after the program's own name, lies beside it: `/opt/tools/sort.license`, as REUSE has it. */
const SUFFIX = '.license';

/** Establishes the licence of the program that a peer runs, from the file beside it. */
export class LicenceAttestor {
  name = 'licence';
  // Worth no more than the path that it begins with, and no more is claimed: the engine would cap it (I5).
  selectors = Object.freeze([
    { key: 'licence:spdx', value: { type: 'text' }, many: false, trust: 'image', cost: 'proc', needs: ['unix:path'], program: true, summary: 'SPDX licence expression of the program, by the file beside it', example: 'GPL-2.0-only' },
  ]);

  /** `given` has the path that the platform's attestor established, never one that the peer says. After us the engine verifies that it still leads to what runs (I3). */
  attest({ credentials }, wanted, _signal, given) {
    return new Map([...wanted].map((key) => [key, licenceOf(given.get('unix:path'), credentials.uid)]));
  }
}

function licenceOf(path, peerUid) {
  // Deleted, replaced, or in another mount namespace: nothing is beside it here. Not `absent`, which a deny rule would be escaped by (I4).
  if (path?.state !== 'present') return unknown('not-visible', 'the program has no path here');
  const beside = readBeside(path.values[0], SUFFIX);
  if ('why' in beside) return beside;
  // Who may write the file may be the peer itself. Root may write every file, and is no less trusted for it.
  const own = peerUid !== 0 && beside.writers.has(peerUid) ? { tier: 'peer-asserted' } : {};
  if (beside.bytes === undefined) return { ...ABSENT, ...own };
  const licence = licenceIn(beside.bytes);
  return licence === undefined ? unknown('undecodable', 'not one line `SPDX-License-Identifier: ` with a licence expression') : { state: 'present', values: [licence], ...own };
}
