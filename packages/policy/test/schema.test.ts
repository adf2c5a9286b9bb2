import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { rootPath } from './support/files.js';

describe('the schema', () => {
  it('is draft-07, which is the latest that the YAML language server reads', () => {
    const schema = JSON.parse(readFileSync(rootPath('packages/policy/src/schema.json'), 'utf8')) as { readonly $schema: string };
    assert.equal(schema.$schema, 'http://json-schema.org/draft-07/schema#');
  });

  it('has the validator that was generated from it', () => {
    execFileSync(process.execPath, [rootPath('packages/policy/scripts/generate-schema-validator.mjs'), '--check']);
  });
});
