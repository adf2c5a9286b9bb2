import assert from 'node:assert/strict';
import { Catalogue, isRefusal, valueProblem, type Connection, type Fd, type Peer, type PeerSource, type SelectorKey } from '@portcullis/core';
import { DarwinAttestor, DarwinPeerSource, DARWIN_SELECTORS, capabilities } from '@portcullis/attestor-darwin';

const PLATFORMS = ['darwin', 'linux', 'win32', 'freebsd'] as const;
const KEYS: ReadonlySet<SelectorKey> = new Set(DARWIN_SELECTORS.map((definition) => definition.key));

const peer: Peer = {
  credentials: { pid: 1, uid: 0, gid: 0 } as Peer['credentials'],
  pin: 'unpinned',
  verify: () => undefined,
  hold: () => { throw new Error('never held'); }, close: () => undefined,
};

for (const platform of PLATFORMS) {
  describe(`attestor-darwin: the unsupported answer on ${platform}`, () => {
    it('refuses every descriptor as an unsupported platform (I2)', () => {
      const source: PeerSource = new DarwinPeerSource(platform);
      for (const fd of [undefined, -1, 0, 3, 1_000_000] as (Fd | undefined)[]) {
        const answer = source.open({ fd } as Connection);
        assert.ok(isRefusal(answer));
        assert.equal(answer.refused, 'unsupported-platform');
        assert.equal(answer.credentials, undefined);
      }
    });

    it('answers every wanted key as unknown, never as absent (I4)', () => {
      const findings = new DarwinAttestor(platform).attest(peer, KEYS);
      assert.deepEqual(new Set(findings.keys()), KEYS);
      for (const finding of findings.values()) {
        assert.ok(finding.state === 'unknown');
        assert.equal(finding.why, 'kernel-unsupported');
      }
    });

    it('says in its capabilities that it is not supported, and which keys that costs', () => {
      const said = capabilities(platform);
      assert.equal(said.platform, platform);
      assert.equal(said.supported, false);
      assert.deepEqual(new Set(said.unsupported), KEYS);
    });

    it('gives the same reason in refusals, findings and capabilities', () => {
      const { reason } = capabilities(platform);
      assert.ok(reason !== undefined && reason !== '');
      assert.equal(new DarwinPeerSource(platform).open().detail, reason);
      const finding = new DarwinAttestor(platform).attest(peer, new Set<SelectorKey>(['unix:uid'])).get('unix:uid');
      assert.ok(finding?.state === 'unknown');
      assert.equal(finding.detail, reason);
    });
  });
}

describe('attestor-darwin: what it says of itself', () => {
  it('tells a Mac that it is not built yet, and others that it is not for them', () => {
    assert.notEqual(capabilities('darwin').reason, capabilities('linux').reason);
    assert.match(capabilities('darwin').reason ?? '', /not built yet/);
    assert.match(capabilities('win32').reason ?? '', /win32/);
  });

  it('speaks of the platform it runs on unless told', () => {
    assert.equal(capabilities().platform, process.platform);
  });

  it('answers nothing that nobody wanted', () => {
    assert.equal(new DarwinAttestor().attest(peer, new Set()).size, 0);
  });

  it('publishes a catalogue that holds together, with examples of the right type', () => {
    assert.equal(new Catalogue(DARWIN_SELECTORS).definitions().length, DARWIN_SELECTORS.length);
    for (const { key, value, example } of DARWIN_SELECTORS) assert.equal(valueProblem(value, example), undefined, key);
  });

  it('offers no key as stronger than how the kernel came to know it (T23)', () => {
    const trust = Object.fromEntries(DARWIN_SELECTORS.map((definition) => [definition.key, definition.trust]));
    assert.deepEqual(trust, {
      'unix:uid': 'kernel-connect',
      'unix:gid': 'kernel-connect',
      'unix:supplementary_gid': 'kernel-connect',
      'unix:path': 'heuristic',
    });
  });
});
