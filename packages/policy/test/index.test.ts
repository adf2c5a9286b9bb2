import assert from 'node:assert/strict';
import * as policy from '@portcullis/policy';

describe('the package', () => {
  it('exports this and no more', () => {
    assert.deepEqual(Object.keys(policy).sort(), [
      'CompiledPolicy',
      'DEFAULT_LIMITS',
      'FINDING_CODES',
      'SourceText',
      'child',
      'compilePolicyText',
      'didYouMean',
      'explain',
      'formatExplanation',
      'formatFinding',
      'formatFindings',
      'itemsOf',
      'loadPolicy',
      'makeFinding',
      'parseEvidence',
      'quote',
      'readDocument',
      'readDocumentFile',
      'requirePolicy',
      'spanAt',
      'textOf',
      'toPlain',
      'validateDocument',
    ]);
  });
});
