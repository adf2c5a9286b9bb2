import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Catalogue } from '@portcullis/core';
import { CONTAINER_SELECTORS } from '@portcullis/attestor-container';
import { DARWIN_SELECTORS } from '@portcullis/attestor-darwin';
import { KUBERNETES_SELECTORS } from '@portcullis/attestor-kubernetes';
import { LINUX_SELECTORS } from '@portcullis/attestor-linux';
import { SYSTEMD_SELECTORS } from '@portcullis/attestor-systemd';
import { compilePolicyText, formatFindings, loadPolicyTest, parseEvidence, readDocument, toPlain } from '@portcullis/policy';
import { skipUnless } from '@portcullis/testkit';
import { Ajv } from 'ajv';
import { makeSchema } from '../../dist/schema/make-schema.js';
import { parseGateway } from '../../dist/gateway/parse-gateway.js';
import { allPages, type Page } from './support/pages.js';
import { problemsOf, runSnippet } from './support/compile-snippets.js';
import { Scratch, writeFiles } from './support/scratch.js';

const CATALOGUE = new Catalogue([...LINUX_SELECTORS, ...DARWIN_SELECTORS.filter(({ key }) => key.startsWith('darwin:')), ...SYSTEMD_SELECTORS, ...KUBERNETES_SELECTORS, ...CONTAINER_SELECTORS]);

const LANGUAGES: ReadonlySet<string> = new Set(['yaml', 'ts', 'js', 'sh', 'bash', 'text', 'json', 'ini']);

describe('snippets of the documentation', function () {
  this.timeout(120_000);
  const blocks = allPages().flatMap((page) => page.blocks);
  const typed = blocks.filter(({ language }) => language === 'ts' || language === 'js');

  it('say what language they are in', () => {
    assert.deepEqual(blocks.filter(({ language }) => !LANGUAGES.has(language)).map(({ at, language }) => `${at}: \`${language}\``), []);
  });

  for (const page of allPages()) {
    for (const { language, text, at } of page.blocks) {
      if (language !== 'yaml') continue;
      it(`${at} is what the loader takes`, () => { assert.equal(/^kind: PolicyTest$/m.test(text) ? testProblem(text, page) : yamlProblem(text, at), ''); });
    }
  }

  it('have no mark in an editor, where they are YAML with a kind', () => {
    const validate = new Ajv({ allowUnionTypes: true, strictTypes: false, strictRequired: false, keywords: ['patternErrorMessage'] }).compile(makeSchema(CATALOGUE));
    for (const { language, text, at } of blocks) {
      const { root } = readDocument(text, at);
      if (language === 'yaml' && /^kind:/m.test(text) && root !== undefined) assert.ok(validate(toPlain(root)), `${at} ${JSON.stringify(validate.errors)}`);
    }
  });

  it('are TypeScript that compiles against the packages as they are built', () => {
    assert.ok(typed.length >= 2);
    assert.deepEqual(problemsOf(typed), []);
  });

  for (const block of typed) {
    if (!block.words.includes('run')) continue;
    it(`${block.at} runs`, async function () {
      skipUnless(this, process.platform === 'linux' || !block.words.includes('linux'), 'is of Linux alone');
      const { code, stderr } = await runSnippet(block);
      assert.equal(code, 0, stderr);
    });
  }
});

/** What is wrong with a test, which names a policy of its page. */
function testProblem(text: string, page: Page): string {
  const scratch = new Scratch();
  try {
    writeFiles(page, scratch);
    const path = join(scratch.folder, 'shown.test.yaml');
    writeFileSync(path, text);
    const { test, findings, sources } = loadPolicyTest(path, { catalogue: CATALOGUE });
    return test === undefined ? formatFindings(findings, sources) : '';
  } finally {
    scratch.close();
  }
}

/** What is wrong with a YAML block, by its kind; one without a kind is evidence. */
function yamlProblem(text: string, file: string): string {
  if (/^kind: Gateway$/m.test(text)) {
    const document = readDocument(text, file);
    const { spec, findings } = parseGateway(document, CATALOGUE);
    return spec === undefined ? formatFindings(findings, new Map([[file, document.source]])) : '';
  }
  if (/^kind: AdmissionPolicy$/m.test(text)) {
    const { policy, findings, sources } = compilePolicyText(text, { catalogue: CATALOGUE, file });
    return policy === undefined ? formatFindings(findings, sources) : '';
  }
  if (/^kind:/m.test(text)) return `${file}: a kind that no loader here knows`;
  // A part of a policy is shown as one, as far as it can be.
  return parseEvidence(text, CATALOGUE).findings.map(({ message }) => message).join('\n');
}
