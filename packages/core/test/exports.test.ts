import assert from 'node:assert/strict';
import * as core from '@portcullis/core';
import * as platform from '@portcullis/core/platform';
import * as platformListen from '@portcullis/core/platform/listen';
import * as conformance from '@portcullis/core/conformance';
import * as testing from '@portcullis/core/testing';

describe('the package', () => {
  it('exports these values and no others', () => {
    assert.deepEqual(Object.keys(core).sort(), [
      'ABSENT', 'ATTESTOR', 'Admission', 'CAUSES', 'CLOCK', 'CONNECT_PORT', 'COST_TIERS', 'Catalogue', 'Collector', 'DECISION_SINK', 'DEFAULTS', 'DescriptorBudget', 'ERROR_CODES',
      'Engine', 'FrozenSet', 'Gate', 'HANDOFF_PORT', 'LISTEN_EXCEPTIONS', 'LISTEN_PORT', 'MESSAGE_DEFAULTS', 'MESSAGE_PORT', 'PEER_SOURCE', 'POLICY', 'PortcullisError', 'REFUSAL_CODES', 'ServerRefused', 'TRUST_TIERS', 'UNKNOWN_REASONS',
      'activatedFd', 'admissionOf', 'attestorHost', 'budgetOf', 'compareValues', 'connectVerified', 'costRank', 'createGate', 'definitionProblem', 'drainOnSignals', 'escapeJson', 'escapeText', 'exhaustedLimits', 'fingerprint', 'formatErrorChain', 'formatSelector', 'handOver', 'isRefusal', 'isSelectorKey',
      'isTrustTier', 'kindOf', 'loopbackAddress', 'normaliseValues', 'parseSelector', 'parseValue', 'prepareAttestors', 'receiveMessages', 'runTrusted', 'socketFd', 'sourceOf', 'toRecord', 'toRevocationRecord', 'trustRank',
      'trustSuffices', 'unknown', 'valueProblem', 'weakestTier',
    ]);
  });

  it('exports under `./platform` what the platforms share', () => {
    assert.deepEqual(Object.keys(platform).sort(), ['DigestCache', 'Names', 'accountOf', 'assertTrusted', 'isRootsAlone', 'parseDatabase', 'rootAndUs']);
  });

  it('exports under `./platform/listen` what the safe listen is on every platform', () => {
    assert.deepEqual(Object.keys(platformListen).sort(), [
      'Exceptions', 'ancestorFault', 'components', 'effectiveUid', 'failureFacts', 'inUse', 'inodeFacts', 'linkFault', 'nodeRefusal', 'octal', 'parentFaults', 'readInode', 'readInodeRacy', 'refusal', 'sameInode', 'settle', 'splitPath', 'systemRefusal',
    ]);
  });

  it('exports the conformance kit under `./conformance`', () => {
    assert.deepEqual(Object.keys(conformance), ['attestorConformance']);
  });

  it('exports these fakes under `./testing`', () => {
    assert.deepEqual(Object.keys(testing).sort(), ['allowUids', 'fakeAttestor', 'fakeDefinition', 'fakePeerSource', 'findingsOf', 'hasValue', 'stubPolicy']);
  });
});
