import assert from 'node:assert/strict';
import { CONTAINER_SELECTORS } from '@portcullis/attestor-container';
import { KUBERNETES_SELECTORS } from '@portcullis/attestor-kubernetes';
import { LINUX_SELECTORS } from '@portcullis/attestor-linux';
import { SYSTEMD_SELECTORS } from '@portcullis/attestor-systemd';
import { Catalogue, type SelectorDefinition } from '@portcullis/core';
import { compilePolicyText } from '@portcullis/policy';

const catalogue = new Catalogue(LINUX_SELECTORS);

function hintFor(key: string): string | undefined {
  const text = `apiVersion: portcullis/v1\nkind: AdmissionPolicy\nrules:\n  - { id: a, effect: allow, when: { "${key}": x } }\n`;
  return compilePolicyText(text, { catalogue }).findings.find(({ code }) => code === 'POLICY_UNKNOWN_KEY')?.suggestion;
}

describe('a key of a plugin that a gateway does not have', () => {
  const PLUGINS: readonly (readonly [name: string, selectors: readonly SelectorDefinition[]])[] = [
    ['@portcullis/attestor-container', CONTAINER_SELECTORS], ['@portcullis/attestor-systemd', SYSTEMD_SELECTORS], ['@portcullis/attestor-kubernetes', KUBERNETES_SELECTORS],
  ];
  for (const [name, selectors] of PLUGINS) {
    it(`comes with a hint at ${name}, whichever it is`, () => {
      const keys = selectors.map(({ key }) => key.replace('*', 'HOME'));
      assert.deepEqual(keys.filter((key) => hintFor(key)?.includes(`${name}:`) !== true), []);
    });
  }

  it('is guessed at where no plugin of ours has it', () => {
    assert.equal(hintFor('container:idd'), 'did you mean `container:id`?');
    assert.equal(hintFor('container-env'), undefined);
    assert.equal(hintFor('k8s:ns2'), undefined);
  });
});
