// Every invalid policy beside the exact message that it must give. PORTCULLIS_UPDATE=1 writes the messages: review the diff.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { compilePolicyText, FINDING_CODES, formatFindings, loadPolicy } from '@portcullis/policy';
import { CATALOGUE } from './support/catalogue.js';
import { testPath } from './support/files.js';

const options = { catalogue: CATALOGUE, knownListeners: ['docker', 'admin'], nowMs: Date.parse('2026-11-21T12:00:00Z') };
const yamlIn = (folder: string) => readdirSync(testPath(folder)).filter((name) => name.endsWith('.yaml')).sort();

describe('an invalid policy', () => {
  for (const name of yamlIn('fixtures/invalid')) {
    it(`says what is wrong with it, and where: ${name}`, () => {
      const loaded = compilePolicyText(readFileSync(testPath(`fixtures/invalid/${name}`)), { ...options, file: name });
      const messages = `${formatFindings(loaded.findings, loaded.sources)}\n`;
      const expected = testPath(`fixtures/invalid/${name.replace('.yaml', '.txt')}`);
      if (process.env['PORTCULLIS_UPDATE'] === '1') writeFileSync(expected, messages);
      assert.ok(existsSync(expected), `no message is written down for ${name}`);
      assert.equal(messages, readFileSync(expected, 'utf8'));
      assert.equal(loaded.policy, undefined);
      assert.ok(loaded.findings.some(({ severity }) => severity === 'error'));
      for (const { code, place, length } of loaded.findings) {
        assert.ok(code in FINDING_CODES);
        assert.ok(place.line >= 1 && place.column >= 1 && length >= 1);
      }
    });
  }

  it('has every message written down for a policy that exists', () => {
    const texts = readdirSync(testPath('fixtures/invalid')).filter((name) => name.endsWith('.txt'));
    assert.deepEqual(texts.map((name) => name.replace('.txt', '.yaml')).sort(), yamlIn('fixtures/invalid'));
  });

  it('never sends a raw control character to the terminal', () => {
    for (const name of yamlIn('fixtures/invalid')) {
      assert.doesNotMatch(readFileSync(testPath(`fixtures/invalid/${name.replace('.yaml', '.txt')}`), 'utf8'), /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/u);
    }
  });
});

describe('a policy that is reviewed', () => {
  for (const name of yamlIn('fixtures/findings')) {
    it(`loads, and is told what to think over: ${name}`, () => {
      const loaded = compilePolicyText(readFileSync(testPath(`fixtures/findings/${name}`)), { ...options, file: name, review: { expiresWithinMs: 30 * 86_400_000 } });
      const suppressed = loaded.suppressed.map(({ code, place, reason }) => `allowed in line ${String(place.line)}: ${code}: ${reason}\n`);
      const messages = `${formatFindings(loaded.findings, loaded.sources)}\n${suppressed.join('')}`;
      const expected = testPath(`fixtures/findings/${name.replace('.yaml', '.txt')}`);
      if (process.env['PORTCULLIS_UPDATE'] === '1') writeFileSync(expected, messages);
      assert.equal(messages, readFileSync(expected, 'utf8'));
      assert.ok(loaded.policy);
      assert.ok(loaded.findings.length + loaded.suppressed.length > 0);
    });
  }
});

describe('a valid policy', () => {
  for (const name of yamlIn('fixtures/valid')) {
    it(`loads, with the warnings written beside it: ${name}`, () => {
      const path = testPath(`fixtures/valid/${name}`);
      const loaded = loadPolicy(path, options);
      assert.ok(loaded.policy, formatFindings(loaded.findings, loaded.sources));
      const warnings = [...readFileSync(path, 'utf8').matchAll(/^# warns: (\S+)$/gm)].map(([, code]) => code);
      assert.deepEqual(loaded.findings.map(({ code }) => code).sort(), warnings.sort());
    });
  }
});
