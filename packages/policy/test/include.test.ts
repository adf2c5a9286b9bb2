import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { loadPolicy, type LoadedPolicy } from '@portcullis/policy';
import { CATALOGUE } from './support/catalogue.js';

const HEAD = 'apiVersion: portcullis/v1\nkind: AdmissionPolicy\n';
const rule = (id: string, when = '{ unix:uid: 1 }') => `rules:\n  - { id: ${id}, effect: allow, when: ${when} }\n`;

describe('an include', () => {
  let folder = '';
  beforeEach(() => { folder = realpathSync(mkdtempSync(join(tmpdir(), 'portcullis-include-'))); });
  afterEach(() => { rmSync(folder, { recursive: true }); });

  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), HEAD + text);
  };
  const load = (options = {}): LoadedPolicy => loadPolicy(join(folder, 'policy.yaml'), { catalogue: CATALOGUE, ...options });
  const codes = (loaded: LoadedPolicy) => loaded.findings.map(({ code }) => code);

  it('reads the files of a pattern in a sorted order, and names all of them to be watched', () => {
    write('policy.yaml', `include: ["conf.d/*.yaml"]\n${rule('main', '{ use: shared }')}`);
    write('conf.d/20-b.yaml', rule('b'));
    write('conf.d/10-a.yaml', `sets: { shared: { unix:uid: 7 } }\n${rule('a')}`);
    write('conf.d/.hidden.yaml', 'not: read\n');
    const loaded = load();
    assert.deepEqual(codes(loaded), []);
    assert.deepEqual(loaded.policy?.rules.map(({ id }) => id), ['main', 'a', 'b']);
    assert.deepEqual(loaded.files, ['policy.yaml', 'conf.d/10-a.yaml', 'conf.d/20-b.yaml'].map((name) => join(folder, name)));
    assert.ok(loaded.folders.includes(join(folder, 'conf.d')));
  });

  it('names folders of a pattern that hold no file yet, so that the first is noticed', () => {
    write('policy.yaml', `include: ["conf.d/*/*.yaml"]\n${rule('main')}`);
    write('conf.d/a/1.yaml', rule('a'));
    mkdirSync(join(folder, 'conf.d/b'));
    const { folders } = load();
    for (const name of ['conf.d', 'conf.d/a', 'conf.d/b']) assert.ok(folders.includes(join(folder, name)), name);
  });

  it('changes the revision when only an included file changes', () => {
    write('policy.yaml', 'metadata: { revision: "3" }\ninclude: [part.yaml]\n');
    write('part.yaml', rule('a'));
    const before = load().policy?.revision;
    write('part.yaml', rule('a', '{ unix:uid: 2 }'));
    assert.match(before ?? '', /^3@[0-9a-f]{16}$/);
    assert.notEqual(load().policy?.revision, before);
  });

  it('refuses a rule id, and a set, of another file', () => {
    write('policy.yaml', `include: [part.yaml]\nsets: { s: { unix:uid: 1 } }\n${rule('same', '{ use: s }')}`);
    write('part.yaml', `sets: { s: { unix:uid: 1 } }\n${rule('same')}`);
    assert.deepEqual(codes(load()).sort(), ['POLICY_DUPLICATE_RULE', 'POLICY_DUPLICATE_SET']);
  });

  it('refuses a file that two patterns match, also behind a symbolic link', () => {
    write('policy.yaml', 'include: ["conf.d/*.yaml", conf.d/a.yaml, link.yaml]\n');
    write('conf.d/a.yaml', rule('a'));
    symlinkSync(join(folder, 'conf.d/a.yaml'), join(folder, 'link.yaml'));
    assert.deepEqual(codes(load()), ['POLICY_INCLUDE_DUPLICATE', 'POLICY_INCLUDE_DUPLICATE']);
  });

  it('refuses a cycle', () => {
    write('policy.yaml', 'include: [a.yaml]\n');
    write('a.yaml', 'include: [b.yaml]\n');
    write('b.yaml', 'include: [policy.yaml]\n');
    assert.deepEqual(codes(load()), ['POLICY_INCLUDE_CYCLE']);
  });

  it('keeps to the folder of the policy unless allowed, symbolic links resolved', () => {
    write('inside/policy.yaml', 'include: [../outside.yaml, link.yaml, "../*.yaml", /etc/hostname]\n');
    write('outside.yaml', rule('out'));
    symlinkSync(join(folder, 'outside.yaml'), join(folder, 'inside/link.yaml'));
    const inside = (options = {}) => loadPolicy(join(folder, 'inside/policy.yaml'), { catalogue: CATALOGUE, ...options });
    assert.deepEqual(codes(inside()), Array(4).fill('POLICY_INCLUDE_OUTSIDE'));
    write('inside/policy.yaml', 'include: [../outside.yaml]\n');
    assert.deepEqual(inside({ allowOutsideIncludes: true }).policy?.rules.map(({ id }) => id), ['out']);
  });

  it('is an error where a named file is missing, and a warning where a pattern matches nothing', () => {
    write('policy.yaml', `include: ["none.d/*.yaml"]\n${rule('main')}`);
    assert.deepEqual(codes(load()), ['POLICY_INCLUDE_EMPTY']);
    assert.ok(load().folders.includes(join(folder, 'none.d')));
    write('policy.yaml', `include: [none.yaml]\n${rule('main')}`);
    assert.deepEqual(codes(load()), ['POLICY_INCLUDE_MISSING']);
  });

  it('stops at the limit of files', () => {
    write('policy.yaml', 'include: ["conf.d/*.yaml"]\n');
    for (let i = 0; i < 5; i++) write(`conf.d/${String(i)}.yaml`, rule(`r${String(i)}`));
    assert.deepEqual(codes(load({ maxFiles: 3 })), ['POLICY_INCLUDE_LIMIT']);
  });

  it('shows errors of an included file in that file', () => {
    write('policy.yaml', 'include: [conf.d/a.yaml]\n');
    write('conf.d/a.yaml', rule('a', '{ unix:udi: 1 }'));
    const [finding] = load().findings;
    assert.equal(finding?.code, 'POLICY_UNKNOWN_KEY');
    assert.deepEqual(finding.place, { file: join(folder, 'conf.d/a.yaml'), line: 4, column: 37 });
    assert.equal(finding.suggestion, 'did you mean `unix:uid`?');
  });
});
