// The table of codes and the page that explains them are one. PORTCULLIS_UPDATE=1 writes the page from the table.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { FINDING_CODES, type FindingMeaning } from '@portcullis/policy';
import { rootPath, testPath } from './support/files.js';

const PAGE = rootPath('docs/policy-findings.md');
const codes: readonly [string, FindingMeaning][] = Object.entries(FINDING_CODES);

function page(): string {
  const title = (prefix: string, heading: string) => [
    `## ${heading}`,
    '',
    '| code | | meaning | remedy |',
    '|---|---|---|---|',
    ...codes.filter(([code]) => code.startsWith(prefix)).map(([code, { severity, meaning, remedy }]) => `| \`${code}\` | ${severity} | ${meaning} | ${remedy} |`),
    '',
  ];
  return [
    '# What loading a policy can find',
    '',
    'Errors refuse the policy; warnings do not. Every finding has a place (`file:line:column`), and most a suggestion.',
    'Codes are stable: scripts may count by them. This page is made from the table in `packages/policy/src/findings/finding-codes.ts`.',
    '',
    ...title('YAML_', 'Reading the document'),
    ...title('COMPILED_', 'A compiled policy'),
    ...title('SCHEMA_', 'The shape of the document'),
    ...title('POLICY_', 'The policy'),
    ...title('HOST_', 'On this host (`check --host`, and at the start of `serve`)'),
    ...title('SUPPRESSION_', 'Comments that allow a finding'),
    ...title('FORMAT_', 'Formatting'),
    ...title('TEST_', 'Tests of a policy'),
  ].join('\n');
}

describe('the finding codes', () => {
  it('are explained on their page, each of them and no other', () => {
    if (process.env['PORTCULLIS_UPDATE'] === '1') writeFileSync(PAGE, page());
    assert.equal(readFileSync(PAGE, 'utf8'), page());
  });

  it('of errors are each given by some invalid fixture, or by a test of files', () => {
    const texts = ['fixtures/invalid', 'fixtures/policy-test/invalid'].flatMap((folder) => readdirSync(testPath(folder)).filter((name) => name.endsWith('.txt')).map((name) => readFileSync(testPath(`${folder}/${name}`), 'utf8'))).join('\n');
    const elsewhere = new Set(['YAML_READ', 'YAML_TOO_LARGE', 'POLICY_DUPLICATE_SET', 'POLICY_INCLUDE_OUTSIDE', 'POLICY_INCLUDE_DUPLICATE', 'POLICY_INCLUDE_CYCLE', 'POLICY_INCLUDE_LIMIT', 'POLICY_GRANT_UNDECIDED', 'TEST_COVERAGE', 'FORMAT_LOSS']);
    const missing = codes.filter(([code, { severity }]) => severity === 'error' && !texts.includes(` ${code} `)).map(([code]) => code);
    assert.deepEqual(missing.filter((code) => !elsewhere.has(code)), []);
  });
});
