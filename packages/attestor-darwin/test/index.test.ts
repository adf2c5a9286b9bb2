import assert from 'node:assert/strict';
import { ATTESTOR, PEER_SOURCE, type Registrar } from '@portcullis/core';
import * as darwin from '@portcullis/attestor-darwin';

describe('attestor-darwin: the package', () => {
  it('exports this and no more', () => {
    assert.deepEqual(Object.keys(darwin).sort(), [
      'DARWIN_SELECTORS',
      'DarwinAttestor',
      'DarwinPeerSource',
      'capabilities',
      'register',
    ]);
  });

  it('registers a peer source and an attestor under the tokens of core', () => {
    const registered = new Map<symbol, unknown>();
    const container: Registrar = { register: (token, { useValue }) => registered.set(token, useValue) };
    darwin.register(container);
    assert.deepEqual([...registered.keys()], [PEER_SOURCE, ATTESTOR]);
    assert.ok(registered.get(PEER_SOURCE) instanceof darwin.DarwinPeerSource);
    assert.ok(registered.get(ATTESTOR) instanceof darwin.DarwinAttestor);
  });
});
