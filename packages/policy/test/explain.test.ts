import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { compilePolicyText, explain, formatExplanation, formatFindings, parseEvidence } from '@portcullis/policy';
import { CATALOGUE } from './support/catalogue.js';
import { testPath } from './support/files.js';

const CONTEXT = { listener: 'docker', nowMs: Date.parse('2026-11-21T12:00:00Z') };

function evidenceOf(text: string) {
  const { evidence, findings, sources } = parseEvidence(text, CATALOGUE);
  assert.ok(evidence, formatFindings(findings, sources));
  return evidence;
}

describe('an evidence file', () => {
  it('says unknown where it is silent, absent by null, and many by a list', () => {
    const evidence = evidenceOf('{ "unix:uid": 5, "linux:tracer": null, "unix:supplementary_gid": [9, 3, 9], "env:CI": "true" }');
    assert.deepEqual(evidence.get('unix:uid'), { state: 'present', values: [5], tier: 'kernel-connect' });
    assert.deepEqual(evidence.get('linux:tracer'), { state: 'absent', tier: 'kernel-live' });
    assert.deepEqual(evidence.get('unix:supplementary_gid'), { state: 'present', values: [3, 9], tier: 'kernel-connect' });
    assert.deepEqual(evidence.get('env:CI'), { state: 'present', values: ['true'], tier: 'peer-asserted' });
    assert.deepEqual(evidence.get('unix:gid'), { state: 'unknown', why: 'not-mentioned' });
    assert.equal(evidence.has('env:OTHER'), true);
    assert.equal(evidence.size, 4);
  });

  it('is checked against the catalogue, with places and suggestions', () => {
    const { evidence, findings } = parseEvidence('unix:udi: 5\nunix:gid: [1, 2]\nunix:path: bin\nlinux:label: []\n', CATALOGUE, 'e.yaml');
    assert.equal(evidence, undefined);
    assert.deepEqual(findings.map(({ code, place, suggestion }) => [code, place.line, suggestion]), [
      ['POLICY_UNKNOWN_KEY', 1, 'did you mean `unix:uid`?'],
      ['POLICY_VALUE_TYPE', 2, undefined],
      ['POLICY_VALUE_TYPE', 3, undefined],
      ['SCHEMA_EMPTY', 4, 'write `null` for absent'],
    ]);
    assert.deepEqual(parseEvidence('[1]', CATALOGUE).findings.map(({ code }) => code), ['SCHEMA_TYPE']);
  });
});

describe('an explanation', () => {
  const { policy } = compilePolicyText(readFileSync(testPath('fixtures/explain/policy.yaml')), { catalogue: CATALOGUE, file: 'policy.yaml' });
  assert.ok(policy);
  const evidence = evidenceOf(readFileSync(testPath('fixtures/explain/evidence.yaml'), 'utf8'));
  const explanation = explain(policy, evidence, CONTEXT);

  it('has every rule with its truth, and every condition with what was expected and seen', () => {
    assert.deepEqual(explanation.rules.map(({ id, truth, determining, shadow, inactive }) => [id, truth, determining, shadow, inactive]), [
      ['no-tracers', 'false', false, false, undefined],
      ['ci', 'false', false, false, undefined],
      ['humans', 'true', true, false, undefined],
      ['unconfined', 'true', false, true, undefined],
      ['elsewhere', 'true', false, false, 'other-listener'],
      ['gone', 'true', false, false, 'expired'],
    ]);
    const [, , humans] = explanation.rules;
    assert.ok(humans?.condition.kind === 'all');
    const [people] = humans.condition.parts;
    assert.ok(people?.kind === 'all' && people.set === 'people');
    assert.deepEqual(people.parts[0], { kind: 'test', truth: 'true', key: 'unix:uid', expected: 'range 1000-59999', observed: [1000], state: 'present', tier: 'kernel-connect', place: { file: 'policy.yaml', line: 5, column: 13 } });
  });

  it('reads as written down, hostile text escaped and sensitive values masked', () => {
    const text = `${formatExplanation(explanation)}\n`;
    const expected = testPath('fixtures/explain/explanation.txt');
    if (process.env['PORTCULLIS_UPDATE'] === '1') writeFileSync(expected, text);
    assert.equal(text, readFileSync(expected, 'utf8'));
    assert.ok(!text.includes('secret') && !text.includes('glpat') && !JSON.stringify(explanation).includes('glpat') && !text.includes('\u001b'));
    assert.ok(formatExplanation(explanation, { color: true }).includes('\u001b[32m'));
  });
});
