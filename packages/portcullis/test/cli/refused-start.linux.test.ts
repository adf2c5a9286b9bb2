import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { requireFeature, requireRoot } from '@portcullis/testkit';
import { ALLOW_ME, Folder, policy } from './support/folder.js';
import { asUser, BIN, portcullis, portcullisProcess, type Ran } from './support/run.js';

const HEAD = 'apiVersion: portcullis/v1\nkind: AdmissionPolicy\n';

describe('portcullis serve, where it must not start', function () {
  let folder: Folder;

  before(function () {
    requireFeature(this, 'linux', process.platform === 'linux', 'needs Linux');
  });

  beforeEach(() => { folder = new Folder(); });
  afterEach(() => { folder.remove(); });

  const argumentsFor = (file: string, listen = folder.at('g.sock')): readonly string[] => ['serve', '-p', file, '-l', `unix:${listen}`, '-u', `unix:${folder.at('up.sock')}`];
  const refused = ({ code, stdout, stderr }: Ran, pattern: RegExp): void => {
    assert.match(stderr, pattern);
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.ok(!stderr.includes('    at '), stderr);
    assert.ok(!existsSync(folder.at('g.sock')));
  };

  const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]', ...Array.from({ length: 20 }, (_, index) => `${'abcdefghijklmnopqrstuvwxyz'[index + 1] ?? ''}: &${'abcdefghijklmnopqrstuvwxyz'[index + 1] ?? ''} [${Array(9).fill(`*${'abcdefghijklmnopqrstuvwxyz'[index] ?? ''}`).join(', ')}]`)].join('\n');
  const bad: readonly (readonly [what: string, text: string, pattern: RegExp])[] = [
    ['an unknown key', policy('{ id: x, effect: allow, when: { unix:uuid: 1 } }'), /p\.yaml:4:[0-9]+: POLICY_UNKNOWN_KEY[^]*did you mean `unix:uid`/],
    ['a value of the wrong type', policy('{ id: x, effect: allow, when: { unix:uid: root } }'), /p\.yaml:4:[0-9]+: POLICY_VALUE_TYPE/],
    ['a digest of the wrong length', policy('{ id: x, effect: allow, when: { unix:sha256: abc } }'), /POLICY_VALUE_TYPE/],
    ['two rules of one id', policy(ALLOW_ME, ALLOW_ME), /p\.yaml:5:[0-9]+: POLICY_DUPLICATE_RULE/],
    ['a word that nobody knows', policy('{ id: x, effect: allow, wen: { unix:uid: 1 } }'), /did you mean `when`/],
    ['a file that includes itself', `${HEAD}include: [p.yaml]\n`, /POLICY_INCLUDE_CYCLE/],
    ['an alias bomb', `${HEAD}${bomb}\n`, /YAML_ALIAS_LIMIT/],
    ['something that is no YAML', '{{{', /YAML_SYNTAX/],
    ['an empty file', '', /YAML_EMPTY/],
  ];
  for (const [what, text, pattern] of bad) {
    it(`refuses ${what}`, async () => {
      refused(await portcullisProcess(argumentsFor(folder.write('p.yaml', text))), pattern);
    });
  }

  it('refuses a policy that is not there, and one that is a folder', async () => {
    refused(await portcullisProcess(argumentsFor(folder.at('none.yaml'))), /YAML_READ.*ENOENT/);
    refused(await portcullisProcess(argumentsFor(folder.path)), /YAML_READ.*not a regular file/);
  });

  it('refuses a policy that it may not read', async function () {
    requireRoot(this, 'needs root to be another user');
    const file = folder.write('p.yaml', policy(ALLOW_ME));
    chmodSync(file, 0o600);
    chmodSync(folder.path, 0o755);
    refused(await asUser(54_321, process.execPath, [BIN, ...argumentsFor(file)]), /YAML_READ.*EACCES/);
  });

  it('refuses a path that exists and is no stale socket, and leaves it alone', async () => {
    const file = folder.write('p.yaml', policy(ALLOW_ME));
    folder.write('taken', 'precious');
    refused(await portcullisProcess(argumentsFor(file, folder.at('taken'))), /LISTEN_EXISTS/);
    assert.equal(readFileSync(folder.at('taken'), 'utf8'), 'precious');
  });

  it('refuses a folder that others may write', async () => {
    const file = folder.write('p.yaml', policy(ALLOW_ME));
    chmodSync(folder.path, 0o777);
    refused(await portcullisProcess(argumentsFor(file)), /LISTEN_PARENT_UNSAFE/);
  });

  it('refuses a group that this host does not have', async () => {
    refused(await portcullisProcess([...argumentsFor(folder.write('p.yaml', policy(ALLOW_ME))), '--group', 'no-such-group-here']), /NAME_UNRESOLVED/);
  });

  it('leaves no socket of a gateway whose second listener fails', async () => {
    folder.write('p.yaml', policy(ALLOW_ME));
    folder.write('taken', '');
    const listener = (name: string, path: string): string => `  - { name: ${name}, listen: { path: ${folder.at(path)} }, upstream: "unix:${folder.at('up.sock')}", policy: p.yaml }\n`;
    const { code, stderr } = await portcullisProcess(['serve', folder.write('gateway.yaml', `apiVersion: portcullis/v1\nkind: Gateway\nlisteners:\n${listener('a', 'g.sock')}${listener('b', 'taken')}`)]);
    assert.equal(code, 1);
    assert.match(stderr, /LISTEN_EXISTS/);
    assert.ok(!existsSync(folder.at('g.sock')));
  });

  it('refuses a gateway file with mistakes, all at once', async () => {
    const file = folder.write('gateway.yaml', 'apiVersion: portcullis/v1\nkind: Gateway\nlisteners:\n  - name: a b\n    listen: { path: g.sock, mode: 66, group: 010 }\n    upstrem: unix:/x\n    upstream: tcp:localhost:80\n    policy: p.yaml\n    refusal: clos\n');
    const ran = await portcullisProcess(['serve', file]);
    refused(ran, /GATEWAY_INVALID/);
    for (const pattern of [/:4:11: SCHEMA_VALUE/, /absolute path/, /`mode` must be octal/, /YAML_NUMBER `010` begins with a zero/, /did you mean `upstream`/, /tcp:ADDRESS:PORT/, /did you mean `close`/]) assert.match(ran.stderr, pattern);
  });

  it('refuses options beside a gateway file, and bad ones, with exit 2', async () => {
    for (const args of [['gateway.yaml', '--policy', 'p'], ['-p', 'p', '-l', 'g.sock', '-u', 'unix:/u'], ['-p', 'p', '-l', 'unix:/g', '-u', 'tcp:localhost:1'], ['-p', 'p', '-l', 'unix:/g', '-u', 'unix:/u', '--mode', '999'], ['-p', 'p', '-l', 'unix:/g', '-u', 'unix:/u', '--log', 'xml']]) {
      assert.equal((await portcullisProcess(['serve', ...args])).code, 2, args.join(' '));
    }
  });

  it('says that a policy is none of its gateway files', async () => {
    refused(await portcullisProcess(['serve', folder.write('p.yaml', policy(ALLOW_ME))]), /GATEWAY_INVALID.*is a policy: use `--policy`/);
  });

  it('counts the errors of a gateway file in words that agree', async () => {
    refused(await portcullisProcess(['serve', folder.write('gateway.yaml', 'apiVersion: portcullis/v1\nkind: Gateway\n')]), /has 1 error:/);
  });

  it('refuses two listeners on one socket, and one that is its own upstream, when checked and at start', async () => {
    folder.write('p.yaml', policy(ALLOW_ME));
    const listener = (name: string, path: string, up: string): string => `  - { name: ${name}, listen: { path: ${folder.at(path)} }, upstream: "unix:${folder.at(up)}", policy: p.yaml }\n`;
    const file = folder.write('gateway.yaml', `apiVersion: portcullis/v1\nkind: Gateway\nlisteners:\n${listener('a', 'g.sock', 'up.sock')}${listener('b', './g.sock', 'up.sock')}${listener('c', 'c.sock', 'c.sock')}`);
    for (const [command, text] of [['check', 'stdout'], ['serve', 'stderr']] as const) {
      const ran = await portcullisProcess([command, file]);
      assert.equal(ran.code, 1, command);
      assert.match(ran[text], /gateway\.yaml:5:[0-9]+: SCHEMA_VALUE two listeners listen on one path/);
      assert.match(ran[text], /gateway\.yaml:6:[0-9]+: SCHEMA_VALUE .*own socket/);
    }
    const { code, stderr } = await portcullisProcess(['serve', '-p', folder.at('p.yaml'), '-l', 'unix:/run/x.sock', '-u', 'unix:/run/./x.sock']);
    assert.equal(code, 2);
    assert.match(stderr, /are one socket/);
  });

  it('takes permission bits of three digits or four, in options and files alike', async () => {
    folder.write('p.yaml', policy(ALLOW_ME));
    const gateway = (mode: string): string => folder.write('gateway.yaml', `apiVersion: portcullis/v1\nkind: Gateway\nlisteners:\n  - { name: a, listen: { path: /run/g.sock, mode: ${mode} }, upstream: "unix:/run/up.sock", policy: p.yaml }\n`);
    for (const mode of ['660', '0660', '"0660"', '0o660']) assert.equal((await portcullis(['check', gateway(mode)])).code, 0, mode);
    for (const mode of ['66', '4660', '0888']) {
      assert.equal((await portcullis(['check', gateway(mode)])).code, 1, mode);
      assert.match((await portcullis(['inspect', '--listen', folder.at('i.sock'), '--mode', mode])).stderr, /octal permission bits/, mode);
    }
  });
});
