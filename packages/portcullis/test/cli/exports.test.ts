import assert from 'node:assert/strict';
import * as portcullis from 'portcullis';

describe('the exports of `portcullis`', () => {
  it('are these', () => {
    assert.deepEqual(Object.keys(portcullis).sort(), [
      'Admission', 'PortcullisError', 'ServerRefused', 'admissionOf', 'connectVerified', 'createGate', 'escapeText', 'fingerprint', 'formatErrorChain', 'formatSelector',
      'formatUpstream', 'handOver', 'loadPlatform', 'loadPlugin', 'parseUpstream', 'platformCatalogue', 'receiveMessages', 'startGateway', 'toRecord',
    ]);
  });
});
