// Policies whose error lies in files, their sizes or their number: each made in an empty folder, beside the exact message
// that it must give. PORTCULLIS_UPDATE=1 writes the messages: review the diff.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { bundlePolicy, formatDocument, formatFindings, loadPolicy, loadPolicyTest, runTest, uncovered, type LoadOptions, type PolicyFinding, type Sources } from '@portcullis/policy';
import { CATALOGUE } from './support/catalogue.js';
import { testPath } from './support/files.js';

const HEAD = 'apiVersion: portcullis/v1\nkind: AdmissionPolicy\n';
const rule = (id: string, when = '{ unix:uid: 1 }') => `rules:\n  - { id: ${id}, effect: allow, when: ${when} }\n`;

interface Told { readonly findings: readonly PolicyFinding[]; readonly sources: Sources }

const write = (path: string, text: string | Uint8Array): void => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
};
const policy = (text: string, path = 'policy.yaml'): void => { write(path, HEAD + text); };
const load = (options: Partial<LoadOptions> = {}, path = 'policy.yaml'): Told => loadPolicy(path, { catalogue: CATALOGUE, ...options });
const compile = (): Buffer => {
  policy(rule('a'));
  const { bytes } = bundlePolicy('policy.yaml', { catalogue: CATALOGUE });
  assert.ok(bytes);
  return Buffer.from(bytes);
};

const FIXTURES: Readonly<Record<string, () => Told>> = {
  'yaml-read-missing': () => load(),
  'yaml-read-folder': () => { mkdirSync('policy.yaml'); return load(); },
  'yaml-read-fifo': () => { execFileSync('/usr/bin/mkfifo', ['policy.yaml']); return load(); },
  'yaml-read-link-loop': () => { symlinkSync('policy.yaml', 'policy.yaml'); return load(); },
  'yaml-too-large': () => { policy(rule('a')); return load({ maxBytes: 40 }); },
  'yaml-too-large-scalar': () => { policy(`metadata: { description: ${'x'.repeat(40 << 20)} }\n${rule('a')}`); return load(); },
  'compiled-damaged': () => { write('policy.yaml', compile().toString('latin1').replace('unix:uid', 'unix:gid')); return load(); },
  'compiled-short': () => { write('policy.yaml', compile().subarray(0, 300)); return load(); },
  'compiled-version': () => { write('policy.yaml', compile().toString('latin1').replace('"format":1', '"format":7')); return load(); },
  'compiled-included': () => { write('part.compiled', compile()); policy('include: [part.compiled]\nrules: []\n'); return load(); },
  'duplicate-set': () => {
    policy(`include: [part.yaml]\nsets: { s: { unix:uid: 1 } }\n${rule('a', '{ use: s }')}`);
    policy('sets: { s: { unix:uid: 1 } }\nrules: []\n', 'part.yaml');
    return load();
  },
  'include-missing': () => { policy(`include: [none.yaml]\n${rule('a')}`); return load(); },
  'include-empty': () => { policy(`include: ["conf.d/*.yaml"]\n${rule('a')}`); return load(); },
  'include-folder': () => { mkdirSync('conf.d'); policy(`include: [conf.d]\n${rule('a')}`); return load(); },
  'include-outside': () => {
    policy(rule('out'), 'outside.yaml');
    policy(`include: [../outside.yaml]\n${rule('a')}`, 'inside/policy.yaml');
    return load({}, 'inside/policy.yaml');
  },
  'include-outside-link': () => {
    policy(rule('out'), 'outside.yaml');
    policy(`include: ["conf.d/*.yaml"]\n${rule('a')}`, 'inside/policy.yaml');
    mkdirSync('inside/conf.d');
    symlinkSync('../../outside.yaml', 'inside/conf.d/link.yaml');
    return load({}, 'inside/policy.yaml');
  },
  'include-outside-folder-link': () => {
    policy(rule('out'), 'outside/more.yaml');
    policy(`include: ["conf.d/*.yaml"]\n${rule('a')}`, 'inside/policy.yaml');
    symlinkSync('../outside', 'inside/conf.d');
    return load({}, 'inside/policy.yaml');
  },
  'include-duplicate': () => {
    policy(`include: [part.yaml, link.yaml]\n${rule('a')}`);
    policy(rule('b'), 'part.yaml');
    symlinkSync('part.yaml', 'link.yaml');
    return load();
  },
  'include-cycle': () => {
    policy(`include: [part.yaml]\n${rule('a')}`);
    policy(`include: [policy.yaml]\n${rule('b')}`, 'part.yaml');
    return load();
  },
  'include-itself-by-link': () => {
    policy(`include: [link.yaml]\n${rule('a')}`);
    symlinkSync('policy.yaml', 'link.yaml');
    return load();
  },
  'include-link-loop': () => {
    policy(`include: ["conf.d/*.yaml", a.yaml]\n${rule('a')}`);
    mkdirSync('conf.d');
    symlinkSync('.', 'conf.d/round');
    symlinkSync('b.yaml', 'a.yaml');
    symlinkSync('a.yaml', 'b.yaml');
    return load();
  },
  'include-limit': () => {
    policy('include: ["conf.d/*.yaml"]\nrules: []\n');
    for (const name of ['a', 'b', 'c']) policy(rule(name), `conf.d/${name}.yaml`);
    return load({ maxFiles: 3 });
  },
  'grant-undecided': () => {
    const one = (index: number): string => `  - { id: r${String(index)}, effect: allow, when: { unix:uid: { range: [${String(index * 2)}, ${String(index * 2 + 1)}] } }, grant: { role: r${String(index)} } }\n`;
    policy(`rules:\n${Array.from({ length: 1_500 }, (_, index) => one(index)).join('')}`);
    return load();
  },
  'format-loss': () => {
    const { findings, source } = formatDocument('|\n  # c\n', 'policy.yaml');
    return { findings, sources: new Map([['policy.yaml', source]]) };
  },
  'test-unknown-listener': () => {
    policy('rules:\n  - { id: a, effect: allow, listeners: [docker], when: { unix:uid: 1 } }\n');
    write('policy.test.yaml', 'apiVersion: portcullis/v1\nkind: PolicyTest\npolicy: policy.yaml\nclock: 2026-11-23T09:00:00Z\ncases: [{ name: c, listener: dokcer, peer: { unix:uid: 2 }, expect: { decision: deny } }]\nproperties: [{ never: { decision: allow, listeners: [dokcer, front], where: { unix:uid: 2 } } }]\n');
    return loadPolicyTest('policy.test.yaml', { catalogue: CATALOGUE });
  },
  'test-unknown-grant': () => {
    policy('rules:\n  - { id: a, effect: allow, when: { unix:uid: 1 }, grant: { role: admin, level: 5 } }\n');
    const never = (grant: string): string => `  - never: { decision: allow, grant: ${grant}, where: { unix:uid: 2 } }\n`;
    write('policy.test.yaml', `apiVersion: portcullis/v1\nkind: PolicyTest\npolicy: policy.yaml\nclock: 2026-11-23T09:00:00Z\nproperties:\n${['{ rol: admin }', '{ role: admim }', '{ role: reader, owner: x, level: 6 }', '{ role: admin }'].map(never).join('')}`);
    return loadPolicyTest('policy.test.yaml', { catalogue: CATALOGUE });
  },
  'test-coverage': () => {
    policy(rule('a'));
    write('policy.test.yaml', 'apiVersion: portcullis/v1\nkind: PolicyTest\npolicy: policy.yaml\nclock: 2026-11-23T09:00:00Z\ncases: [{ name: c, peer: { unix:uid: 2 }, expect: { decision: deny } }]\ncoverage: { rules: 100, branches: 100 }\n');
    const { test, sources } = loadPolicyTest('policy.test.yaml', { catalogue: CATALOGUE });
    assert.ok(test);
    const { missed, coverage } = runTest(test);
    return { findings: [...missed, ...uncovered(coverage)], sources };
  },
};

describe('a policy in files that is wrong', () => {
  let folder = '';
  const before = process.cwd();
  beforeEach(() => { process.chdir((folder = realpathSync(mkdtempSync(join(tmpdir(), 'portcullis-fixture-'))))); });
  afterEach(() => { process.chdir(before); rmSync(folder, { recursive: true }); });

  for (const [name, made] of Object.entries(FIXTURES)) {
    it(`says what is wrong, and where: ${name}`, () => {
      const start = process.cpuUsage();
      const { findings, sources } = made();
      assert.ok(process.cpuUsage(start).user < 20_000_000);
      assert.ok(findings.length > 0);
      const messages = `${formatFindings(findings, sources)}\n`;
      const expected = testPath(`fixtures/files/${name}.txt`);
      if (process.env['PORTCULLIS_UPDATE'] === '1') write(expected, messages);
      assert.equal(messages, readFileSync(expected, 'utf8'));
    });
  }

  it('has every message written down for a fixture that exists', () => {
    assert.deepEqual(readdirSync(testPath('fixtures/files')).map((name) => name.replace('.txt', '')).sort(), Object.keys(FIXTURES).sort());
  });
});
