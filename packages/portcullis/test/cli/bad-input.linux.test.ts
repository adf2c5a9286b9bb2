// T22, as an attacker would play it: files made to be slow, large, deep or two-faced, given to the command, which has little
// memory. Each ends in time, with an error that has a code and a place, and without a stack.
import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { requireFeature } from '@portcullis/testkit';
import { Folder, policy } from './support/folder.js';
import { portcullis, portcullisProcess } from './support/run.js';

const rule = (when: string): string => policy(`{ id: r, effect: allow, when: ${when} }`);
const MEGABYTE = 1 << 20;
const bomb = Array.from({ length: 60 }, (_, i) => `a${String(i + 1)}: &a${String(i + 1)} [${`*a${String(i)}, `.repeat(9)}]`).join('\n');

const INPUTS: Readonly<Record<string, readonly [code: string, content: string | Uint8Array]>> = {
  'an alias bomb': ['YAML_ALIAS_LIMIT', `a0: &a0 [lol]\n${bomb}\n`],
  'a value of 10 MB': ['YAML_TOO_LARGE', rule(`{ unix:path: "/${'x'.repeat(10 * MEGABYTE)}" }`)],
  'a key of 10 MB': ['YAML_TOO_LARGE', rule(`{ ${'x'.repeat(10 * MEGABYTE)}: 1 }`)],
  'a block of 10 MB': ['YAML_TOO_LARGE', `${rule('{ unix:uid: 1 }')}metadata:\n  description: |\n${'    line\n'.repeat(MEGABYTE)}`],
  'lists 10,000 deep': ['YAML_TOO_DEEP', rule('['.repeat(10_000))],
  'mappings 10,000 deep, closed again': ['YAML_TOO_DEEP', rule(`${'{ all: ['.repeat(5_000)}${']}'.repeat(5_000)}`)],
  'blocks 10,000 deep': ['YAML_TOO_DEEP', `a:\n${Array.from({ length: 2_000 }, (_, i) => `${' '.repeat(i + 1)}a:`).join('\n')}`],
  '`__proto__` as a key': ['SCHEMA_UNKNOWN_WORD', rule('{ __proto__: { exists: true } }')],
  '`constructor` as a word': ['SCHEMA_UNKNOWN_WORD', `constructor: { prototype: {} }\n${rule('{ unix:uid: 1 }')}`],
  'no number': ['YAML_NUMBER', rule('{ unix:uid: .nan }')],
  'an endless number': ['YAML_NUMBER', rule('{ unix:uid: .inf }')],
  'an id that looks octal': ['YAML_NUMBER', rule('{ unix:uid: 0755 }')],
  'a key with a letter of another alphabet': ['POLICY_UNKNOWN_KEY', rule('{ uniх:uid: 1 }')],
  'tabs among blanks': ['YAML_SYNTAX', rule('{ unix:uid: 1 }').replace('  - {', ' \t- {')],
  'a NUL': ['YAML_CONTROL', rule('{ unix:path: "/a\0b" }')],
  'bytes that are not UTF-8': ['YAML_ENCODING', Buffer.concat([Buffer.from(rule('{ unix:uid: 1 }')), Buffer.from([0x23, 0xc3, 0x28, 0x0a])])],
  'UTF-16': ['YAML_ENCODING', Buffer.from(`\ufeff${rule('{ unix:uid: 1 }')}`, 'utf16le')],
};

describe('bad input (T22)', function () {
  this.timeout(300_000);
  let folder: Folder;

  before(function () { requireFeature(this, 'linux', process.platform === 'linux', 'needs Linux'); });
  beforeEach(() => { folder = new Folder(); });
  afterEach(() => { folder.remove(); });

  /** In a process with a heap that would not hold what a bomb stands for; what stands for nothing more than it is, in this one. */
  const refused = async (file: string, code: string, { command = ['check', file], harmless = false }: { readonly command?: readonly string[]; readonly harmless?: boolean } = {}): Promise<string> => {
    const options = { cwd: folder.path };
    const { code: exit, stdout, stderr } = await (harmless ? portcullis(command, options) : portcullisProcess(command, { ...options, env: { NODE_OPTIONS: '--max-old-space-size=1600' } }));
    const said = `${stdout}${stderr}`;
    assert.equal(exit, 1, said.slice(-2_000));
    assert.match(said, new RegExp(`(?:^|\\n)\\S+:[0-9]+:[0-9]+: ${code} `), said.slice(0, 2_000));
    assert.doesNotMatch(said, / {4}at |node:internal|heap/);
    assert.ok(said.length < 20_000);
    return said;
  };

  for (const [name, [code, content]] of Object.entries(INPUTS)) {
    it(`is an error with a place, in bounded time and memory: ${name}`, async () => {
      writeFileSync(folder.at('p.yaml'), content);
      await refused('p.yaml', code, { harmless: content.length < 1_000 });
    });
  }

  it('names the character that looks like another', async () => {
    writeFileSync(folder.at('p.yaml'), rule('{ uniх:uid: 1 }'));
    assert.match(await refused('p.yaml', 'POLICY_UNKNOWN_KEY', { harmless: true }), /`х` in it is U\+0445: did you mean `unix:uid`\?/);
  });

  it('is refused by every command that reads a policy', async () => {
    writeFileSync(folder.at('p.yaml'), rule('['.repeat(10_000)));
    writeFileSync(folder.at('e.json'), '{}');
    writeFileSync(folder.at('p.test.yaml'), 'apiVersion: portcullis/v1\nkind: PolicyTest\npolicy: p.yaml\nclock: 2026-11-23T09:00:00Z\ncases: [{ name: c, peer: {}, expect: { decision: deny } }]\n');
    for (const command of [['explain', '-p', 'p.yaml', '-e', 'e.json'], ['test', 'p.test.yaml'], ['compile', 'p.yaml', '-o', 'p.compiled'], ['fmt', '--check', 'p.yaml'], ['serve', '-p', 'p.yaml', '-l', `unix:${folder.at('s.sock')}`, '-u', 'unix:/run/none.sock']]) {
      await refused('p.yaml', 'YAML_TOO_DEEP', { command });
    }
  });

  it('of includes: links that go round, files outside of the folder, a device', async () => {
    mkdirSync(folder.at('in'));
    writeFileSync(folder.at('out.yaml'), rule('{ unix:uid: 1 }'));
    symlinkSync('a.yaml', folder.at('in/b.yaml'));
    symlinkSync('b.yaml', folder.at('in/a.yaml'));
    symlinkSync('../out.yaml', folder.at('in/link.yaml'));
    symlinkSync('p.yaml', folder.at('in/self.yaml'));
    for (const [include, code] of [['a.yaml', 'POLICY_INCLUDE_MISSING'], ['link.yaml', 'POLICY_INCLUDE_OUTSIDE'], ['../out.yaml', 'POLICY_INCLUDE_OUTSIDE'], ['/dev/zero', 'POLICY_INCLUDE_OUTSIDE'], ['"/**"', 'POLICY_INCLUDE_OUTSIDE'], ['self.yaml', 'POLICY_INCLUDE_CYCLE']] as const) {
      writeFileSync(folder.at('in/p.yaml'), rule('{ unix:uid: 1 }').replace('rules:', `include: [${include}]\nrules:`));
      await refused('in/p.yaml', code);
    }
  });
});
