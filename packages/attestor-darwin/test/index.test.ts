import assert from 'node:assert/strict';
import { ATTESTOR, CONNECT_PORT, LISTEN_PORT, PEER_SOURCE, type Registrar } from '@portcullis/core';
import * as darwin from '@portcullis/attestor-darwin';
import { needStandIn } from './support/features.js';
import { StandIn } from './support/standin.js';

describe('attestor-darwin: the package', () => {
  it('exports this and no more', () => {
    assert.deepEqual(Object.keys(darwin).sort(), [
      'DARWIN_SELECTORS',
      'DarwinAttestor',
      'DarwinPeer',
      'DarwinPeerSource',
      'darwinConnectPort',
      'darwinListenPort',
      'register',
    ]);
  });

  it('registers a peer source, an attestor and both ports under the tokens of core', function () {
    needStandIn(this);
    const registered = new Map<symbol, unknown>();
    const container: Registrar = { register: (token, { useValue }) => registered.set(token, useValue) };
    darwin.register(container, { libc: new StandIn().libc });
    assert.deepEqual([...registered.keys()], [PEER_SOURCE, ATTESTOR, LISTEN_PORT, CONNECT_PORT]);
    assert.ok(registered.get(PEER_SOURCE) instanceof darwin.DarwinPeerSource);
    assert.ok(registered.get(ATTESTOR) instanceof darwin.DarwinAttestor);
  });
});
