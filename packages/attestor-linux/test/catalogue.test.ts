import assert from 'node:assert/strict';
import { Catalogue, isSelectorKey, valueProblem } from '@portcullis/core';
import * as exported from '@portcullis/attestor-linux';
import { LINUX_SELECTORS, LinuxAttestor } from '@portcullis/attestor-linux';

describe('what this package offers', () => {
  it('exports what it promises, and nothing else', () => {
    assert.deepEqual(Object.keys(exported).sort(), [
      'LINUX_SELECTORS', 'LinuxAttestor', 'LinuxHandoffPort', 'LinuxMessagePort', 'LinuxPeer', 'LinuxPeerSource', 'LoopbackPeerSource', 'NAMESPACES', 'linuxConnectPort', 'linuxListenPort', 'openPid', 'probeCapabilities', 'register',
    ]);
  });

  it('establishes the keys of its catalogue', () => {
    assert.deepEqual(new LinuxAttestor().selectors.map(({ key }) => key), LINUX_SELECTORS.map(({ key }) => key));
    new Catalogue(LINUX_SELECTORS); // which throws where two claim one key
  });

  it('keeps the spellings that SPIRE has', () => {
    const keys = new Set<string>(LINUX_SELECTORS.map(({ key }) => key));
    for (const kind of ['uid', 'user', 'gid', 'group', 'supplementary_gid', 'supplementary_group', 'path', 'sha256']) assert.ok(keys.has(`unix:${kind}`), kind);
  });

  for (const { key, example, value, summary, many, sensitive, trust } of LINUX_SELECTORS) {
    it(`${key} has an example of its own type, and one line that says what it is`, () => {
      assert.ok(isSelectorKey(key.replace('*', 'x')));
      assert.equal(valueProblem(value, example), undefined);
      assert.match(summary, /^[^\n.][^\n]*[^\n.]$/);
      assert.equal(typeof many, 'boolean');
      // I10: what may hold a secret is masked, and only the peer says it.
      assert.equal(sensitive === true, key === 'env:*' || key === 'process:arg');
      assert.equal(trust === 'peer-asserted', key.startsWith('process:') || key.startsWith('env:'));
    });
  }
});
