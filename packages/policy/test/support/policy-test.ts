import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatFindings, loadPolicyTest, type PolicyTest } from '@portcullis/policy';
import { CATALOGUE } from './catalogue.js';

/** A test of `rules`, both as YAML below their word, loaded from files as it is in earnest. */
export function testOf(policy: string, test: string): PolicyTest {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-policy-test-'));
  try {
    writeFileSync(join(folder, 'policy.yaml'), `apiVersion: portcullis/v1\nkind: AdmissionPolicy\n${policy}\n`);
    const path = join(folder, 'policy.test.yaml');
    writeFileSync(path, `apiVersion: portcullis/v1\nkind: PolicyTest\npolicy: policy.yaml\nclock: 2026-11-23T09:00:00Z\n${test}\n`);
    const { test: loaded, findings, sources } = loadPolicyTest(path, { catalogue: CATALOGUE });
    assert.ok(loaded, formatFindings(findings, sources));
    return loaded;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
