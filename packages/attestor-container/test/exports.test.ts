import assert from 'node:assert/strict';
import * as container from '@portcullis/attestor-container';
import { ATTESTOR, Catalogue, valueProblem } from '@portcullis/core';

const { ContainerAttestor, CONTAINER_SELECTORS, register } = container;

describe('the package of containers', () => {
  it('exports these values and no others', () => {
    assert.deepEqual(Object.keys(container).sort(), ['CONTAINER_SELECTORS', 'ContainerAttestor', 'register']);
  });

  it('has a catalogue whose examples are values, and which needs the anchored id throughout', () => {
    const catalogue = new Catalogue(CONTAINER_SELECTORS);
    for (const { key, value, example, needs, cost } of catalogue.definitions()) {
      assert.deepEqual([valueProblem(value, example), needs, cost], [undefined, ['container:id'], 'remote'], key);
    }
    assert.deepEqual(catalogue.definitions().filter(({ sensitive }) => sensitive).map(({ key }) => key), ['container-env:*']);
  });

  it('registers its attestor, with the options of a gateway file', () => {
    const registered: unknown[] = [];
    register({ register: (token, { useValue }) => registered.push(token, useValue) }, { socket: '/run/podman/podman.sock' });
    assert.equal(registered[0], ATTESTOR);
    assert.ok(registered[1] instanceof ContainerAttestor);
  });

  const wrong: readonly object[] = [
    { socket: 'docker.sock' }, { socket: '' }, { socket: `/${'x'.repeat(200)}` }, { socket: 7 }, { uid: -1 }, { uid: '0' }, { uid: 0xffff_ffff },
    { timeoutMs: 0 }, { timeoutMs: Infinity }, { cacheMs: -1 }, { cacheMs: 1e9 }, { sokcet: '/run/docker.sock' }, { socket: null, uid: 1.5 },
  ];
  for (const options of wrong) {
    it(`refuses the options ${JSON.stringify(options).slice(0, 60)}`, () => { assert.throws(() => new ContainerAttestor(options), { code: 'PLUGIN_OPTIONS' }); });
  }
});
