import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { requireFeature } from '@portcullis/testkit';
import { ALLOW_ME, Folder, policy } from './support/folder.js';
import { BIN, portcullis, portcullisProcess, run } from './support/run.js';

const COMMANDS = ['init', 'serve', 'inspect', 'check', 'test', 'explain', 'diff', 'replay', 'learn', 'suggest', 'schema', 'fmt', 'compile', 'doctor', 'completion'];

/** What is explained here is of Linux, wherever it is. */
const LINUX = ['--platform', 'linux'];

describe('portcullis', function () {
  let folder: Folder;

  before(() => { folder = new Folder(); });
  after(() => { folder.remove(); });

  it('prints its version', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { readonly version: string };
    assert.deepEqual(await portcullisProcess(['--version']), { code: 0, stdout: `${version}\n`, stderr: '' });
  });

  it('teaches by examples, in every command', async () => {
    const { code, stdout } = await portcullis(['--help']);
    assert.equal(code, 0);
    for (const command of COMMANDS) {
      assert.match(stdout, new RegExp(`^  ${command}`, 'm'));
      const help = await portcullis([command, '--help']);
      assert.equal(help.code, 0);
      assert.match(help.stdout, /Examples:\n {2}# .+\n {2}\$ .*portcullis /, command);
    }
  });

  it('exits 2 on a command or an option that it does not know, and suggests one', async () => {
    const command = await portcullisProcess(['serv']);
    assert.equal(command.code, 2);
    assert.match(command.stderr, /Did you mean serve/);
    const option = await portcullis(['check', '--strikt', 'x.yaml']);
    assert.equal(option.code, 2);
    assert.match(option.stderr, /Did you mean --strict/);
    assert.equal((await portcullis([])).code, 2);
  });

  it('shows a stack only to who asks', async () => {
    const args = ['explain', '-p', folder.at('none.yaml'), '-e', folder.at('none.json')];
    const plain = await portcullis(args);
    assert.equal(plain.code, 1);
    assert.ok(!plain.stderr.includes('    at '));
    assert.match((await portcullis(args, { env: { PORTCULLIS_DEBUG: '1' } })).stderr, / {4}at /);
  });

  it('writes no colours into a pipe', async () => {
    const file = folder.write('bad.yaml', policy('{ id: x }'));
    for (const args of [['check', file], ['doctor'], ['inspect', '--self']]) {
      const { stdout, stderr } = await portcullis(args, { env: { FORCE_COLOR: '1' } });
      assert.ok(!`${stdout}${stderr}`.includes('\u001b'), args.join(' '));
    }
  });

  describe('check', () => {
    it('exits 0 when all is well, and on warnings unless it is strict', async () => {
      const good = folder.write('good.yaml', policy(ALLOW_ME));
      assert.deepEqual(await portcullisProcess(['check', good]), { code: 0, stdout: '1 file: 0 errors, 0 warnings\n', stderr: '' });
      const warned = folder.write('warned.yaml', policy('{ id: git, effect: allow, when: { unix:path: /usr/bin/git } }'));
      assert.equal((await portcullis(['check', good, warned])).code, 0);
      const strict = await portcullis(['check', '--strict', warned]);
      assert.equal(strict.code, 1);
      assert.match(strict.stdout, /^\S*warned\.yaml:4:11: POLICY_PATH_WITHOUT_DIGEST .*\n {2}3 \|/m);
    });

    it('exits 1 on errors: file, line, column, code and frame, or JSON', async () => {
      const file = folder.write('wrong.yaml', policy('{ id: x, effect: allow, when: { unix:uuid: 1 } }'));
      const text = await portcullis(['check', file]);
      assert.equal(text.code, 1);
      assert.match(text.stdout, /wrong\.yaml:4:37: POLICY_UNKNOWN_KEY .*\n[^]*\^+[^]*did you mean/);
      const json = await portcullis(['check', '--format', 'json', file]);
      assert.equal(json.code, 1);
      const result = JSON.parse(json.stdout) as { readonly ok: boolean; readonly errors: number; readonly files: readonly object[]; readonly findings: readonly { code: string; place: object }[] };
      assert.equal(result.ok, false);
      assert.equal(result.errors, 1);
      assert.deepEqual(result.files, [{ file, kind: 'AdmissionPolicy', findings: 1 }]);
      assert.equal(result.findings[0]?.code, 'POLICY_UNKNOWN_KEY');
      assert.deepEqual(result.findings[0].place, { file, line: 4, column: 37 });
    });

    it('checks a gateway with its policies, and knows its listeners', async () => {
      folder.write('for-a.yaml', policy('{ id: x, effect: deny, listeners: [b], when: { unix:uid: 1 } }', ALLOW_ME));
      const gateway = (name: string): string => folder.write('gateway.yaml', `apiVersion: portcullis/v1\nkind: Gateway\nlisteners:\n  - { name: ${name}, listen: { path: /run/x/g.sock }, upstream: "unix:/run/x/up.sock", policy: for-a.yaml }\n`);
      assert.equal((await portcullis(['check', gateway('b')])).code, 0);
      const { code, stdout } = await portcullis(['check', gateway('a')]);
      assert.equal(code, 1);
      assert.match(stdout, /for-a\.yaml:4:[0-9]+: POLICY_UNKNOWN_LISTENER/);
    });

    it('checks the tests that a gateway names, and tells once what is wrong with their policy', async () => {
      const gateway = folder.write('gateway.yaml', 'apiVersion: portcullis/v1\nkind: Gateway\nlisteners:\n  - { name: a, listen: { path: /run/x/g.sock }, upstream: "unix:/run/x/up.sock", policy: p.yaml, tests: [t.yaml] }\n');
      folder.write('p.yaml', policy(ALLOW_ME));
      assert.match((await portcullis(['check', gateway])).stdout, /t\.yaml:1:1: YAML_READ [^]*1 error, 0 warnings/);
      folder.write('t.yaml', 'apiVersion: portcullis/v1\nkind: PolicyTest\npolicy: p.yaml\nclock: 2026-11-23T09:00:00Z\ncases: [{ name: c, peer: {}, expect: { decision: allow } }]\n');
      assert.equal((await portcullis(['check', gateway])).code, 0);
      folder.write('p.yaml', policy('{ id: me, effect: allow, when: { unix:uuid: 1 } }'));
      assert.match((await portcullis(['check', gateway])).stdout, /1 file: 2 errors, 0 warnings\n$/);
    });

    it('checks a test with the policy that it names, and does not run it', async () => {
      folder.write('tested.yaml', policy(ALLOW_ME));
      const test = (rule: string): string => folder.write('test.yaml', `apiVersion: portcullis/v1\nkind: PolicyTest\npolicy: tested.yaml\nclock: 2026-11-23T09:00:00Z\ncases: [{ name: c, peer: {}, expect: { rule: ${rule} } }]\n`);
      assert.equal((await portcullis(['check', test('me')])).code, 0);
      const { code, stdout } = await portcullis(['check', test('you')]);
      assert.equal(code, 1);
      assert.match(stdout, /test\.yaml:5:46: TEST_UNKNOWN_RULE /);
    });

    it('says that a file is not there', async () => {
      assert.match((await portcullis(['check', folder.at('none.yaml')])).stdout, /none\.yaml:1:1: YAML_READ/);
      assert.equal((await portcullis(['check'])).code, 2);
    });
  });

  describe('explain', () => {
    it('writes JSON that is safe to show, and shows no value of a sensitive key (I10, I11)', async () => {
      const file = folder.write('p.yaml', policy('{ id: me, effect: allow, requires: peer-asserted, when: { unix:path: "/a\\u202e\\u009b", env:TOKEN: s3cret } }'));
      for (const json of [[], ['--json']]) {
        const { code, stdout } = await portcullis(['explain', ...LINUX, '-p', file, '-e', '-', ...json], { input: '{"unix:path": "/b\\u2028\\u007f", "env:TOKEN": "s3cret"}' });
        assert.equal(code, 0);
        assert.doesNotMatch(stdout, /s3cret|[\u007f-\u009f\u2028\u202e]/);
        assert.match(stdout, /\*\*\*/);
        if (json.length > 0) assert.ok(stdout.includes(String.raw`/b\u2028\u007f`) && stdout.includes(String.raw`/a\u202e\u009b`));
      }
    });

    it('takes the keys of another platform where it is told which', async () => {
      const file = folder.write('p.yaml', policy('{ id: hardened, effect: allow, when: { darwin:hardened-runtime: true } }', '{ id: traced, effect: allow, when: { linux:tracer: 7 } }'));
      for (const [platform, unknown] of [['darwin', 'linux:tracer'], ['linux', 'darwin:hardened-runtime']] as const) {
        const { code, stderr } = await portcullis(['explain', '--platform', platform, '-p', file, '-e', '-'], { input: '{"unix:uid": 7}' });
        assert.equal(code, 1);
        assert.match(stderr, new RegExp(`POLICY_UNKNOWN_KEY[^\n]*\`${unknown}\``));
        assert.equal(stderr.match(/POLICY_UNKNOWN_KEY/g)?.length, 1);
      }
      assert.equal((await portcullis(['explain', '--platform', 'plan9', '-p', file, '-e', '-'], { input: '{}' })).code, 2);
    });

    it('decides over evidence, from a file or stdin', async () => {
      const file = folder.write('p.yaml', policy('{ id: traced, effect: deny, when: { linux:tracer: { exists: true } } }', '{ id: me, effect: allow, when: { unix:uid: 7 } }'));
      const good = folder.write('e.json', '{"unix:uid": 7, "linux:tracer": null}');
      const text = await portcullisProcess(['explain', ...LINUX, '-p', file, '-e', good]);
      assert.equal(text.code, 0);
      assert.match(text.stdout, /^allow on listener default: rule by me/);
      const { code, stdout } = await portcullis(['explain', ...LINUX, '-p', file, '-e', '-', '--json', '--listener', 'front'], { input: '{"unix:uid": 8, "linux:tracer": null}' });
      assert.equal(code, 0);
      const result = JSON.parse(stdout) as { readonly listener: string; readonly decision: { readonly effect: string; readonly cause: string }; readonly nearest: { readonly rule: string }; readonly rules: readonly object[] };
      assert.deepEqual([result.listener, result.decision.effect, result.decision.cause, result.nearest.rule, result.rules.length], ['front', 'deny', 'default', 'me', 2]);
      assert.match((await portcullis(['explain', ...LINUX, '-p', file, '-e', '-'], { input: '{"unix:uid": 7}' })).stdout, /^deny on listener default: unknown-evidence/);
    });

    it('exits 1 on evidence that is none, 2 without any', async () => {
      const file = folder.write('p.yaml', policy(ALLOW_ME));
      const { code, stderr } = await portcullis(['explain', ...LINUX, '-p', file, '-e', '-'], { input: '{"unix:uuid": 7}' });
      assert.equal(code, 1);
      assert.match(stderr, /EVIDENCE_INVALID[^]*stdin:1:2: POLICY_UNKNOWN_KEY/);
      assert.equal((await portcullis(['explain', ...LINUX, '-p', file])).code, 2);
    });

    it('reads no evidence without an end, and none that is too large', async () => {
      const file = folder.write('p.yaml', policy(ALLOW_ME));
      const device = await portcullis(['explain', ...LINUX, '-p', file, '-e', '/dev/zero']);
      assert.equal(device.code, 1);
      assert.match(device.stderr, /EVIDENCE_INVALID[^]*not a regular file/);
      const input = ' '.repeat(2 * 1024 * 1024 + 1);
      for (const from of ['-', folder.write('large.json', input)]) {
        const { code, stderr } = await portcullis(['explain', ...LINUX, '-p', file, '-e', from], { input });
        assert.equal(code, 1);
        assert.match(stderr, /EVIDENCE_INVALID[^]*more than 2097152 bytes/);
      }
    });

    it('waits for evidence that comes late', async () => {
      const file = folder.write('p.yaml', policy('{ id: me, effect: allow, when: { unix:uid: 7 } }'));
      const late = await run('/bin/bash', ['-c', '(sleep 2; echo \'{"unix:uid": 7}\') | "$0" "$1" explain -p "$2" -e -', process.execPath, BIN, file]);
      assert.match(late.stdout, /^allow /);
    });

    it('names the nearest miss after a refusal, and none after an admission', async () => {
      const file = folder.write('p.yaml', policy('{ id: me, effect: allow, when: { unix:uid: 7 } }'));
      assert.match((await portcullis(['explain', ...LINUX, '-p', file, '-e', '-'], { input: '{"unix:uid": 8}' })).stdout, /\n\nnearest: allow me {2}\S+p\.yaml:4\n {2}unix:uid wants 7, is 8\n$/);
      assert.ok(!(await portcullis(['explain', ...LINUX, '-p', file, '-e', '-'], { input: '{"unix:uid": 7}' })).stdout.includes('nearest'));
    });
  });

  describe('doctor', () => {
    it('says what this host can attest, with the cost of what it cannot', async function () {
      requireFeature(this, 'linux', process.platform === 'linux', 'needs Linux');
      const { code, stdout } = await portcullis(['doctor', '--json']);
      const report = JSON.parse(stdout) as { readonly usable: boolean; readonly connections: number; readonly checks: readonly { readonly id: string; readonly verdict: string; readonly cost?: string }[] };
      assert.equal(code, report.usable ? 0 : 1);
      assert.ok(report.connections > 0);
      for (const id of ['peerpidfd', 'peergroups', 'labelling', 'id-maps', 'hidepid', 'unprivileged-userns', 'descriptors', 'keys']) assert.ok(report.checks.some((check) => check.id === id), id);
      for (const check of report.checks) if (check.verdict === 'weaker') assert.ok(check.cost !== undefined, check.id);
      assert.match((await portcullisProcess(['doctor'])).stdout, /^verdict: /m);
      assert.ok(existsSync('/proc/self'));
    });
  });
});
