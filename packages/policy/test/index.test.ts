import assert from 'node:assert/strict';
import * as policy from '@portcullis/policy';

describe('the package', () => {
  it('exports this and no more', () => {
    assert.deepEqual(Object.keys(policy).sort(), [
      'CompiledPolicy',
      'DEFAULT_LIMITS',
      'FINDING_CODES',
      'FindingList',
      'MAX_LOOKS',
      'SourceText',
      'Suppressions',
      'bundlePolicy',
      'child',
      'compilePolicyText',
      'didYouMean',
      'explain',
      'explainCase',
      'formatCounterexample',
      'formatDocument',
      'formatExplanation',
      'formatFinding',
      'formatFindings',
      'formatPercent',
      'isFindingCode',
      'itemsOf',
      'loadPolicy',
      'loadPolicyTest',
      'makeFinding',
      'parseEvidence',
      'quote',
      'readDocument',
      'readDocumentFile',
      'requirePolicy',
      'runTest',
      'shareOf',
      'spanAt',
      'textOf',
      'toPlain',
      'uncovered',
      'validateDocument',
    ]);
  });
});
