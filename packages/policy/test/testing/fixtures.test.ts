// Every invalid test file beside the exact message that it must give. PORTCULLIS_UPDATE=1 writes the messages: review the diff.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { FINDING_CODES, formatFindings, loadPolicyTest, runTest, type LoadedTest } from '@portcullis/policy';
import { CATALOGUE } from '../support/catalogue.js';
import { testPath } from '../support/files.js';

const FOLDER = 'fixtures/policy-test';
const yamlIn = (folder: string) => readdirSync(testPath(`${FOLDER}/${folder}`)).filter((name) => name.endsWith('.yaml')).sort();
/** The messages, with paths as somebody has them who stands in the folder of the fixtures. */
const messagesOf = ({ findings, sources }: LoadedTest) => `${formatFindings(findings, sources)}\n`.replaceAll(`${testPath(FOLDER)}/`, '');

describe('an invalid test file', () => {
  for (const name of yamlIn('invalid')) {
    it(`says what is wrong with it, and where: ${name}`, () => {
      const loaded = loadPolicyTest(testPath(`${FOLDER}/invalid/${name}`), { catalogue: CATALOGUE });
      const expected = testPath(`${FOLDER}/invalid/${name.replace('.yaml', '.txt')}`);
      if (process.env['PORTCULLIS_UPDATE'] === '1') writeFileSync(expected, messagesOf(loaded));
      assert.ok(existsSync(expected), `no message is written down for ${name}`);
      assert.equal(messagesOf(loaded), readFileSync(expected, 'utf8'));
      assert.doesNotMatch(messagesOf(loaded), /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/u);
      assert.equal(loaded.test, undefined);
      assert.ok(loaded.findings.some(({ severity }) => severity === 'error'));
      for (const { code, place } of loaded.findings) assert.ok(code in FINDING_CODES && place.line >= 1 && place.column >= 1);
    });
  }

  it('has every message written down for a file that exists', () => {
    const texts = readdirSync(testPath(`${FOLDER}/invalid`)).filter((name) => name.endsWith('.txt'));
    assert.deepEqual(texts.map((name) => name.replace('.txt', '.yaml')).sort(), yamlIn('invalid'));
  });

  it('that is not there is a finding too', () => {
    assert.deepEqual(loadPolicyTest(testPath(`${FOLDER}/none.yaml`), { catalogue: CATALOGUE }).findings.map(({ code }) => code), ['YAML_READ']);
  });
});

describe('a valid test file', () => {
  for (const name of yamlIn('valid')) {
    it(`loads, with the warnings written beside it, and holds: ${name}`, () => {
      const path = testPath(`${FOLDER}/valid/${name}`);
      const loaded = loadPolicyTest(path, { catalogue: CATALOGUE });
      assert.ok(loaded.test, formatFindings(loaded.findings, loaded.sources));
      const warnings = [...readFileSync(path, 'utf8').matchAll(/^# warns: (\S+)$/gm)].map(([, code]) => code);
      assert.deepEqual(loaded.findings.map(({ code }) => code), warnings);
      const { ok, cases, properties, missed } = runTest(loaded.test);
      assert.deepEqual([...cases.flatMap(({ test, mismatches }) => mismatches.map((one) => ({ case: test.name, ...one }))), ...properties.filter(({ outcome }) => outcome !== 'proved'), ...missed], []);
      assert.ok(ok);
      assert.deepEqual(loaded.files, [path, testPath(`${FOLDER}/${name.startsWith('times') ? 'office' : 'docker'}.yaml`)]);
    });
  }
});
