import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';
import { compilePolicyText, loadPolicyTest, parseEvidence, readDocument, toPlain } from '@portcullis/policy';
import { editorDefinitions, schemaByKind, schemaOf, type JsonPart, type JsonSchema } from '@portcullis/policy/editor';
import { CATALOGUE } from './support/catalogue.js';
import { testPath } from './support/files.js';

const KINDS = ['AdmissionPolicy', 'PolicyTest'];
const definitions = editorDefinitions(CATALOGUE);

/** What a schema of one file can see: words, shapes, keys, and what a value looks like. */
const SHAPE = /^(SCHEMA_|POLICY_(UNKNOWN_KEY|VALUE_TYPE|SELECTOR_SYNTAX|OPERATOR)$)/;

function validator(schema: JsonSchema): ValidateFunction {
  return new Ajv({ strict: true, allowUnionTypes: true, strictTypes: false, strictRequired: false, keywords: ['patternErrorMessage'] }).compile(schema);
}

function yamlIn(folder: string): readonly string[] {
  return readdirSync(testPath(folder)).filter((name) => name.endsWith('.yaml')).sort().map((name) => `${folder}/${name}`);
}

/** As an editor has it; undefined where it is no YAML. */
function read(text: string | Uint8Array): unknown {
  const { root, findings } = readDocument(text, 'x');
  return root === undefined || findings.length > 0 ? undefined : toPlain(root);
}

describe('the schema for editors', () => {
  const validate = validator(schemaByKind(definitions, KINDS, 'all'));
  const ofKind = { policy: validator(schemaOf(definitions, 'AdmissionPolicy', 'policy')), test: validator(schemaOf(definitions, 'PolicyTest', 'test')) };

  for (const path of [...yamlIn('fixtures/valid'), ...yamlIn('fixtures/policy-test/valid'), ...yamlIn('fixtures/golden')]) {
    it(`takes what the loader takes: ${path}`, () => {
      assert.ok(validate(read(readFileSync(testPath(path)))), JSON.stringify(validate.errors));
    });
  }

  for (const path of [...yamlIn('fixtures/invalid'), ...yamlIn('fixtures/policy-test/invalid')]) {
    const codes = codesOf(path);
    if (!codes.some((code) => SHAPE.test(code)) || codes.some((code) => code.startsWith('YAML_'))) continue;
    it(`refuses a wrong shape as the loader does: ${path}`, () => { assert.ok(!ofKind[path.includes('policy-test') ? 'test' : 'policy'](read(readFileSync(testPath(path))))); });
  }

  function codesOf(path: string): readonly string[] {
    const options = { catalogue: CATALOGUE, nowMs: Date.parse('2026-11-21T12:00:00Z') };
    const { findings } = path.includes('policy-test') ? loadPolicyTest(testPath(path), options) : compilePolicyText(readFileSync(testPath(path)), options);
    return findings.filter(({ severity, place }) => severity === 'error' && (place.file === 'policy.yaml' || place.file === testPath(path))).map(({ code }) => code);
  }

  it('agrees with the loader on every operator of every type of value', () => {
    const values: readonly JsonPart[] = [1, -1, 1.5, 4294967295, 'x', '', '/', '/x', '/x/', '/x//y', '/../x', '/./x', '/x/.', '/x/../y', '/x/..y', '/*/../x', '/*/x/../y', '/**/', '*/x', '/?', 'x/y', true, 'filter', 'A'.repeat(64), 'a'.repeat(64), `sha256:${'a'.repeat(64)}`, '[x]', null];
    const operators: readonly ((value: JsonPart) => JsonPart)[] = [
      (value) => value, (value) => [value], (value) => ({ in: [value] }), (value) => ({ not: value }), (value) => ({ not: { in: [value] } }), (value) => ({ exists: value }),
      (value) => ({ glob: value }), (value) => ({ not: { prefix: value } }), (value) => ({ range: [value, value] }), (value) => ({ not: { exists: value } }), (value) => ({ not: { not: value } }),
      (value) => ({ glob: value, prefix: value }), () => [], () => ({}), (value) => ({ is: value }),
    ];
    let taken = 0;
    for (const { key } of CATALOGUE.definitions()) {
      for (const value of values) {
        for (const operator of operators) {
          const policy = { apiVersion: 'portcullis/v1', kind: 'AdmissionPolicy', rules: [{ id: 'x', effect: 'allow', requires: 'peer-asserted', when: { [key.replace('*', 'NAME')]: operator(value) } }] };
          const text = JSON.stringify(policy);
          const { findings } = compilePolicyText(text, { catalogue: CATALOGUE, nowMs: 0 });
          const sound = findings.every(({ severity }) => severity !== 'error');
          assert.equal(validate(policy), sound, `${text}: ${JSON.stringify(sound ? validate.errors : findings[0])}`);
          if (sound) taken++;
        }
      }
    }
    assert.ok(taken > 300, String(taken));
  });

  it('agrees with the loader on the short form', () => {
    for (const when of ['unix:uid:1', 'unix:uuid:1', 'unix:uid', 'env:CI:true', 'env:*:true', 'all', 'unix:uid:', 'unix:uid:root', 'unix:uid:01', 'unix:path:bin', 'unix:path:/bin/x', 'unix:path:/bin//x', 'unix:path:/bin/', 'unix:path:/bin/../x', 'linux:seccomp:filter', 'linux:seccomp:filters', 'linux:dumpable:yes', `unix:sha256:${'a'.repeat(63)}`]) {
      const policy = { apiVersion: 'portcullis/v1', kind: 'AdmissionPolicy', rules: [{ id: 'x', effect: 'allow', requires: 'peer-asserted', when }] };
      const wrong = compilePolicyText(JSON.stringify(policy), { catalogue: CATALOGUE, nowMs: 0 }).findings.some(({ code }) => SHAPE.test(code));
      assert.equal(validate(policy), !wrong, when);
    }
  });

  it('of evidence agrees with the reader', () => {
    const evidence = validator(schemaOf(definitions, 'Evidence', 'evidence'));
    const files: readonly unknown[] = [{ 'unix:uid': 1 }, { 'unix:uid': [1, 2], 'linux:tracer': null }, { 'unix:uid': 'root' }, { 'unix:uuid': 1 }, { 'unix:uid': [] }, { 'unix:path': '/x', 'tiers': { 'unix:path': 'heuristic' } }, { tiers: { 'unix:uuid': 'image' } }, { 'unix:uid': { in: [1] } }];
    for (const file of files) {
      const { findings } = parseEvidence(JSON.stringify(file), CATALOGUE);
      assert.equal(evidence(file), !findings.some(({ code }) => code !== 'TEST_TIER'), JSON.stringify(file));
    }
  });

  it('says of every word what it means', () => {
    const silent: string[] = [];
    for (const [name, definition] of Object.entries(definitions)) {
      if (/^(AdmissionPolicy|PolicyTest|Evidence)/.test(name)) collectSilent(definition as JsonSchema, name, silent);
    }
    assert.deepEqual(silent, [], 'these need a line in src/editor/word-descriptions.ts');
  });

  it('of one kind has nothing of another', () => {
    const names = Object.keys(schemaOf(definitions, 'AdmissionPolicy', 'policy')['definitions'] as JsonSchema);
    assert.ok(names.includes('AdmissionPolicy.rule') && names.includes('matcher.uint'));
    assert.deepEqual(names.filter((name) => /^(PolicyTest|evidence)/.test(name)), []);
  });
});

function collectSilent(schema: JsonSchema, at: string, silent: string[]): void {
  for (const [word, part] of Object.entries((schema['properties'] ?? {}) as JsonSchema)) {
    const { description } = part as JsonSchema;
    if (typeof description !== 'string' || description === '') silent.push(`${at}.${word}`);
    collectSilent(part as JsonSchema, `${at}.${word}`, silent);
  }
}
