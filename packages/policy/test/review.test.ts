import assert from 'node:assert/strict';
import { compilePolicyText } from '@portcullis/policy';
import { CATALOGUE } from './support/catalogue.js';

const DAY_MS = 86_400_000;
const NOW = Date.parse('2026-11-21T12:00:00Z');

function review(rules: readonly string[], expiresWithinMs = 0): readonly string[] {
  const text = `apiVersion: portcullis/v1\nkind: AdmissionPolicy\nrules:\n${rules.map((rule) => `  - ${rule}\n`).join('')}`;
  const { policy, findings } = compilePolicyText(text, { catalogue: CATALOGUE, nowMs: NOW, review: { expiresWithinMs } });
  assert.ok(policy, JSON.stringify(findings));
  return findings.map(({ code, message }) => `${code} ${/`([^`]+)`/.exec(message)?.[1] ?? ''}`);
}

describe('a review', () => {
  it('T11: names allow rules that name a program and nobody whose it must be', () => {
    const rule = (more: string, effect = 'allow') => `{ id: x, effect: ${effect}, when: { unix:path: /usr/bin/git, unix:sha256: ${'a'.repeat(64)}${more} } }`;
    const warned = (one: string) => review([one]).filter((found) => found.startsWith('POLICY_PROGRAM_WITHOUT_PRINCIPAL'));
    for (const nobody of ['', ', unix:uid: { not: 0 }', ', linux:dumpable: true']) assert.deepEqual(warned(rule(nobody)), ['POLICY_PROGRAM_WITHOUT_PRINCIPAL x'], nobody);
    for (const somebody of [', unix:uid: 1', ', unix:gid: 1', `, container:id: ${'b'.repeat(64)}`, ', systemd:unit: git.service', ', linux:label: git']) assert.deepEqual(warned(rule(somebody)), [], somebody);
    assert.deepEqual(warned(rule('', 'deny')), []);
  });

  it('T12: names allow rules that pin an interpreter', () => {
    const rule = (path: string, effect = 'allow') => `{ id: x, effect: ${effect}, when: { unix:uid: 1, unix:sha256: ${'a'.repeat(64)}, unix:path: ${path} } }`;
    for (const path of ['/usr/bin/python3.12', '/bin/sh', '/usr/bin/node', '/lib64/ld-linux-x86-64.so.2', '{ glob: "/opt/*/bin/java" }', '[/usr/bin/git, /usr/bin/perl]', '/usr/bin/php8.2']) {
      assert.deepEqual(review([rule(path)]), ['POLICY_INTERPRETER x'], path);
    }
    for (const path of ['/usr/bin/git', '/usr/bin/nodelist', '/opt/python/app', '{ not: /bin/sh }']) assert.deepEqual(review([rule(path)]).filter((one) => one.startsWith('POLICY_INTERPRETER')), [], path);
  });

  it('compares no rules that are not in force together', () => {
    const deny = (more: string) => `{ id: d, effect: deny, ${more}when: { unix:uid: 1 } }`;
    const allow = (more: string) => `{ id: a, effect: allow, ${more}when: { unix:uid: 1 } }`;
    assert.deepEqual(review([deny(''), allow('')]), ['POLICY_ALLOW_ALWAYS_DENIED a']);
    assert.deepEqual(review([deny('listeners: [one], '), allow('')]), []);
    assert.deepEqual(review([deny('listeners: [one, two], '), allow('listeners: [one], ')]), ['POLICY_ALLOW_ALWAYS_DENIED a']);
    assert.deepEqual(review([deny('expires: 2027-06-01T00:00:00Z, '), allow('')]), []);
    assert.deepEqual(review([deny('mode: shadow, '), allow('')]), []);
    assert.deepEqual(review([deny(''), allow('mode: shadow, ')]), ['POLICY_NO_RULES ']);
  });

  it('takes many-valued keys as they are: two groups contradict nothing, and one is not the other', () => {
    const groups = (when: string, effect = 'allow') => `{ id: ${effect}-it, effect: ${effect}, when: ${when} }`;
    assert.deepEqual(review([groups('{ all: [{ unix:supplementary_gid: 1 }, { unix:supplementary_gid: 2 }] }')]), []);
    assert.deepEqual(review([groups('{ unix:supplementary_gid: [1, 2] }', 'deny'), groups('{ unix:supplementary_gid: 1 }')]), ['POLICY_ALLOW_ALWAYS_DENIED allow-it']);
    assert.deepEqual(review([groups('{ unix:supplementary_gid: { not: 2 } }', 'deny'), groups('{ unix:supplementary_gid: 1 }')]), []);
    assert.equal(review([groups('{ all: [{ unix:gid: 1 }, { unix:gid: 2 }] }')])[0], 'POLICY_NEVER_MATCHES allow-it');
  });

  it('warns of an end within the time that it is told, and of none without a clock', () => {
    const rule = '{ id: x, effect: allow, expires: 2026-11-24T12:00:00Z, when: { unix:uid: 1 } }';
    assert.deepEqual(review([rule], 3 * DAY_MS), ['POLICY_RULE_EXPIRES_SOON x']);
    assert.deepEqual(review([rule], 3 * DAY_MS - 1), []);
  });

  it('ends in time on thousands of rules, alike and apart', function () {
    this.timeout(120_000);
    const began = process.cpuUsage();
    const apart = review(Array.from({ length: 5_000 }, (_, i) => `{ id: r${String(i)}, effect: allow, when: { unix:uid: ${String(i)}, unix:path: { glob: "/opt/app${String(i)}/*" }, unix:sha256: ${'a'.repeat(64)} } }`));
    assert.deepEqual(apart, []);
    const alike = review(Array.from({ length: 3_000 }, (_, i) => `{ id: r${String(i)}, effect: allow, when: { unix:uid: { range: [${String(i)}, ${String(100_000 + i)}] } } }`));
    assert.ok(alike.some((one) => one.startsWith('POLICY_REVIEW_INCOMPLETE')));
    assert.ok(process.cpuUsage(began).user < 60_000_000);
  });
});
