// The table of codes and the page that explains them are one. PORTCULLIS_UPDATE=1 writes the page from the table.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { FINDING_CODES, isFindingCode, type FindingMeaning } from '@portcullis/policy';
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
    ...title('GATEWAY_', 'Gateway files'),
    ...title('TEST_', 'Tests of a policy'),
  ].join('\n');
}

describe('the finding codes', () => {
  it('are explained on their page, each of them and no other', () => {
    if (process.env['PORTCULLIS_UPDATE'] === '1') writeFileSync(PAGE, page());
    assert.equal(readFileSync(PAGE, 'utf8'), page());
  });

  /** Every message that is written down, and by which fixtures. */
  const messages = ['fixtures/invalid', 'fixtures/findings', 'fixtures/files', 'fixtures/policy-test/invalid', 'fixtures/policy-test/findings'].flatMap((folder) => (
    existsSync(testPath(folder)) ? readdirSync(testPath(folder)).filter((name) => name.endsWith('.txt')).map((name) => readFileSync(testPath(`${folder}/${name}`), 'utf8')) : [])).join('\n');
  const told = new Set([...messages.matchAll(/^\S+:[0-9]+:[0-9]+: ([A-Z]+_[A-Z_]+) /gm)].map(([, code = '']) => code));

  it('are each given by some fixture with its exact message', () => {
    // Those of gateway files: packages/portcullis/test/cli/observe.linux.test.ts.
    // Those of a host are not the same on any two: packages/portcullis/test/cli/host-warnings.linux.test.ts has them.
    assert.deepEqual(codes.map(([code]) => code).filter((code) => !told.has(code) && !/^(HOST|GATEWAY)_/.test(code)), []);
  });

  it('are all that fixtures give', () => {
    assert.deepEqual([...told].filter((code) => !isFindingCode(code)), []);
  });

  it('of a host are each named by the test of hosts', () => {
    const text = ['host-warnings', 'loopback'].map((name) => readFileSync(rootPath(`packages/portcullis/test/cli/${name}.linux.test.ts`), 'utf8')).join('\n');
    assert.deepEqual(codes.map(([code]) => code).filter((code) => code.startsWith('HOST_') && !text.includes(code)), []);
  });
});
