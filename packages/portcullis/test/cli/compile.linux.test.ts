import assert from 'node:assert/strict';
import { readFileSync, statSync, symlinkSync } from 'node:fs';
import { createGate } from 'portcullis';
import { requireFeature } from '@portcullis/testkit';
import { ALLOW_ME, ALLOW_OTHER, Folder, policy } from './support/folder.js';
import { portcullis, portcullisProcess } from './support/run.js';

describe('compile', () => {
  let folder: Folder;

  beforeEach(() => { folder = new Folder(); });
  afterEach(() => { folder.remove(); });

  it('writes one file that every command takes for the policy', async () => {
    folder.write('p.yaml', policy(ALLOW_ME));
    const made = await portcullisProcess(['compile', 'p.yaml', '-o', 'p.compiled'], { cwd: folder.path });
    assert.deepEqual([made.code, made.stderr], [0, '']);
    assert.match(made.stdout, /^p\.compiled: 1 rule of 1 file, [0-9]+ bytes, revision [0-9a-f]{16}\n$/);
    assert.equal(statSync(folder.at('p.compiled')).mode & 0o777, 0o644);
    assert.deepEqual(await portcullis(['check', 'p.compiled'], { cwd: folder.path }), { code: 0, stdout: '1 file: 0 errors, 0 warnings\n', stderr: '' });
    const explained = await portcullis(['explain', '-p', 'p.compiled', '-e', '-'], { cwd: folder.path, input: '{"unix:uid": 77777}' });
    assert.match(explained.stdout, /nearest: allow me {2}p\.yaml:4/);
  });

  it('writes nothing of a policy with errors, and shows them', async () => {
    folder.write('p.yaml', policy('{ id: x, effect: allow, when: { unix:uuid: 1 } }'));
    const { code, stdout, stderr } = await portcullis(['compile', 'p.yaml', '-o', 'p.compiled'], { cwd: folder.path });
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^p\.yaml:4:37: POLICY_UNKNOWN_KEY /);
    assert.throws(() => statSync(folder.at('p.compiled')));
  });

  it('does not write over the policy that it reads', async () => {
    const text = readFileSync(folder.write('p.yaml', policy(ALLOW_ME)), 'utf8');
    symlinkSync('p.yaml', folder.at('link'));
    for (const output of ['p.yaml', 'link']) {
      const { code, stderr } = await portcullis(['compile', 'p.yaml', '-o', output], { cwd: folder.path });
      assert.deepEqual([code, readFileSync(folder.at('p.yaml'), 'utf8')], [2, text]);
      assert.match(stderr, /a file of the policy itself/);
    }
  });

  it('says with --check whether the file is up to date, and writes nothing', async () => {
    folder.write('p.yaml', policy(ALLOW_ME));
    const check = async () => (await portcullis(['compile', '--check', 'p.yaml', '-o', 'p.compiled'], { cwd: folder.path })).code;
    assert.equal(await check(), 1);
    assert.throws(() => statSync(folder.at('p.compiled')));
    await portcullis(['compile', 'p.yaml', '-o', 'p.compiled'], { cwd: folder.path });
    assert.equal(await check(), 0);
    const before = readFileSync(folder.at('p.compiled'));
    folder.write('p.yaml', policy(ALLOW_OTHER));
    assert.equal(await check(), 1);
    assert.deepEqual(readFileSync(folder.at('p.compiled')), before);
  });

  it('says that it cannot write, without a stack, and keeps to the size that it is told', async () => {
    folder.write('p.yaml', policy(ALLOW_ME));
    const nowhere = await portcullis(['compile', 'p.yaml', '-o', 'none/p.compiled'], { cwd: folder.path });
    assert.equal(nowhere.code, 1);
    assert.match(nowhere.stderr, /REPORT_WRITE/);
    assert.doesNotMatch(nowhere.stderr, / {4}at /);
    assert.match((await portcullis(['compile', '--max-bytes', '50', 'p.yaml', '-o', 'p.compiled'], { cwd: folder.path })).stderr, /YAML_TOO_LARGE/);
    assert.match((await portcullis(['check', '--max-bytes', '50', 'p.yaml'], { cwd: folder.path })).stdout, /YAML_TOO_LARGE/);
    assert.equal((await portcullis(['check', '--max-bytes', '0', 'p.yaml'], { cwd: folder.path })).code, 2);
  });

  it('makes what createGate puts in force, and reloads when it is compiled again', async function () {
    requireFeature(this, 'linux', process.platform === 'linux', 'needs Linux');
    const compile = async (rule: string) => {
      folder.write('p.yaml', policy(rule));
      assert.equal((await portcullis(['compile', 'p.yaml', '-o', 'p.compiled'], { cwd: folder.path })).code, 0);
    };
    await compile(ALLOW_OTHER);
    const outcomes: string[] = [];
    const gate = await createGate({ policy: folder.at('p.compiled'), onReload: ({ outcome, findings }) => { outcomes.push([outcome, ...findings.map(({ code }) => code)].join(' ')); } });
    try {
      await compile(ALLOW_ME);
      await gate.reload();
      folder.write('p.compiled', Buffer.from(readFileSync(folder.at('p.compiled'))).toString('latin1').replace('me', 'my'));
      await gate.reload();
      assert.deepEqual(outcomes, ['loaded', 'rejected COMPILED_DAMAGED']);
      assert.match((await createGate({ policy: folder.at('p.yaml'), maxPolicyBytes: 50 }).catch((error: unknown) => error) as Error).message, /YAML_TOO_LARGE/);
    } finally {
      await gate.close();
    }
  });

  it('may have the size that was asked for, wherever it is read', async () => {
    const [path, test] = [folder.write('p.yaml', policy(ALLOW_ME)), folder.write('p.test.yaml', 'apiVersion: portcullis/v1\nkind: PolicyTest\npolicy: ./p.yaml\nclock: 2026-11-28T09:00:00Z\ncases: [{ name: a, peer: { unix:uid: 1 }, expect: { decision: deny } }]\n')];
    const [log, evidence] = [folder.write('log', ''), folder.write('e.yaml', 'unix:uid: 1\n')];
    const commands = [['check', path], ['test', test], ['diff', path, path], ['explain', '-p', path, '-e', evidence], ['replay', '-p', path, log]];
    for (const command of commands) {
      const { code, stdout, stderr } = await portcullis([...command, '--max-bytes', '50']);
      assert.equal(code, 1, stdout + stderr);
      assert.match(stdout + stderr, command[0] === 'test' ? /TEST_POLICY/ : /YAML_TOO_LARGE/);
    }
    const served = await portcullisProcess(['serve', '-p', path, '-l', `unix:${folder.at('g.sock')}`, '-u', 'unix:/nowhere', '--max-bytes', '50']);
    assert.deepEqual([served.code, served.stderr.includes('YAML_TOO_LARGE')], [1, true], served.stderr);
    const gateway = folder.write('gateway.yaml', `apiVersion: portcullis/v1\nkind: Gateway\nmaxPolicyBytes: 50\nlisteners: [{ name: a, policy: p.yaml, upstream: "unix:/nowhere", listen: { path: ${folder.at('g.sock')} } }]\n`);
    assert.match((await portcullis(['check', gateway])).stdout, /YAML_TOO_LARGE/);
    assert.match((await portcullisProcess(['serve', gateway])).stderr, /YAML_TOO_LARGE/);
    assert.equal((await portcullisProcess(['serve', '--max-bytes', '50', gateway])).code, 2);
  });
});
