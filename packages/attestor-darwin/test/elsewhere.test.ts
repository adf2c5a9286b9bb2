import assert from 'node:assert/strict';
import { Catalogue, valueProblem, type Peer, type SelectorKey } from '@portcullis/core';
import { DARWIN_SELECTORS, DarwinAttestor, DarwinPeerSource } from '@portcullis/attestor-darwin';
import { skipUnless } from '@portcullis/testkit';

const KEYS: ReadonlySet<SelectorKey> = new Set(DARWIN_SELECTORS.map((definition) => definition.key));

const peer: Peer = { credentials: { pid: 1, uid: 0, gid: 0 } as Peer['credentials'], pin: 'unpinned', verify: () => undefined, hold: () => { throw new Error('not held here'); }, close: () => undefined };

describe('attestor-darwin: on another system', () => {
  it('has no peer source (I2)', function () {
    skipUnless(this, process.platform !== 'darwin', 'this is a Mac');
    assert.throws(() => new DarwinPeerSource(), { code: 'PLATFORM_UNSUPPORTED' });
  });

  it('answers every wanted key of a peer that is not its own as unknown, never as absent (I4)', async () => {
    const findings = await new DarwinAttestor().attest(peer, KEYS);
    assert.deepEqual(new Set(findings.keys()), KEYS);
    for (const finding of findings.values()) assert.ok(finding.state === 'unknown' && finding.why === 'socket-unsupported');
  });
});

describe('attestor-darwin: the catalogue', () => {
  it('holds together, with examples of the right type and one line for each key', () => {
    assert.equal(new Catalogue(DARWIN_SELECTORS).definitions().length, DARWIN_SELECTORS.length);
    for (const { key, value, example, summary } of DARWIN_SELECTORS) {
      assert.equal(valueProblem(value, example), undefined, key);
      assert.match(summary, /^[^\n.][^\n]*[^\n.]$/, key);
    }
  });

  it('offers no key as stronger than how the kernel came to know it (T23)', () => {
    const frozen = ['unix:uid', 'unix:gid', 'unix:same-uid', 'unix:user', 'unix:group', 'unix:supplementary_gid', 'unix:supplementary_group'];
    for (const { key, trust } of DARWIN_SELECTORS) {
      assert.equal(trust, frozen.includes(key) ? 'kernel-connect' : key === 'darwin:lsof-path' ? 'heuristic' : 'image', key);
    }
  });

  it('calls what Linux has too by the same names', () => {
    assert.deepEqual([...KEYS].filter((key) => key.startsWith('unix:')), [
      'unix:uid', 'unix:gid', 'unix:same-uid', 'unix:user', 'unix:group', 'unix:supplementary_gid', 'unix:supplementary_group', 'unix:path', 'unix:sha256',
    ]);
  });
});
