import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { compilePolicyText, formatFindings, parseEvidence } from '@portcullis/policy';
import { CATALOGUE } from './support/catalogue.js';
import { rootPath } from './support/files.js';

describe('the page of the language', () => {
  const page = readFileSync(rootPath('docs/policy.md'), 'utf8');
  const blocks = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text = '']) => text);
  const policies = blocks.filter((text) => text.includes('kind: AdmissionPolicy'));

  it('shows policies that compile without an error', () => {
    assert.ok(policies.length >= 2);
    for (const text of policies) {
      const loaded = compilePolicyText(text, { catalogue: CATALOGUE, file: 'docs/policy.md' });
      assert.ok(loaded.policy, formatFindings(loaded.findings, loaded.sources));
    }
  });

  it('shows evidence that can be read', () => {
    const evidence = blocks.filter((text) => !text.includes('kind:'));
    assert.ok(evidence.length >= 1);
    for (const text of evidence) assert.deepEqual(parseEvidence(text, CATALOGUE).findings, []);
  });
});
