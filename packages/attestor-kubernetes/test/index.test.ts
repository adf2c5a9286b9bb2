import assert from 'node:assert/strict';
import * as kubernetes from '@portcullis/attestor-kubernetes';
import { LINUX_SELECTORS } from '@portcullis/attestor-linux';
import { ATTESTOR, Catalogue, PortcullisError, valueProblem } from '@portcullis/core';

describe('@portcullis/attestor-kubernetes', () => {
  it('exports these names and no others', () => {
    assert.deepEqual(Object.keys(kubernetes).sort(), ['KUBERNETES_SELECTORS', 'KubernetesAttestor', 'register']);
  });

  it('claims no key of the platform, and gives examples that are values', () => {
    new Catalogue([...LINUX_SELECTORS, ...kubernetes.KUBERNETES_SELECTORS]);
    for (const { value, example } of kubernetes.KUBERNETES_SELECTORS) assert.equal(valueProblem(value, example), undefined);
  });

  it('registers one attestor', () => {
    const registered: unknown[] = [];
    kubernetes.register({ register: (token, { useValue }) => registered.push([token, (useValue as kubernetes.KubernetesAttestor).name]) }, { url: 'http://127.0.0.1:10255' });
    assert.deepEqual(registered, [[ATTESTOR, 'kubernetes']]);
  });

  it('refuses options that make no sense, and secrets over http', () => {
    for (const [options, option] of [
      [{ url: 'ftp://x' }, 'url'], [{ url: 'http://10.0.0.1:10255' }, 'url'], [{ url: 'https://a:b@127.0.0.1' }, 'url'], [{ url: 'https://127.0.0.1/x' }, 'url'], [{ url: 7 }, 'url'],
      [{ url: 'http://127.0.0.1:10255', token: '/t' }, 'token'], [{ token: 't' }, 'token'], [{ certificate: '/c' }, 'certificate'], [{ timeoutMs: 0 }, 'timeoutMs'], [{ skipVerification: true }, 'skipVerification'],
    ] as const) {
      assert.throws(() => new kubernetes.KubernetesAttestor(options), (error) => error instanceof PortcullisError && error.code === 'PLUGIN_OPTIONS' && error.facts['option'] === option, JSON.stringify(options));
    }
  });
});
