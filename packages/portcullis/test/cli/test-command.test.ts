import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { requireFeature } from '@portcullis/testkit';
import { Folder, policy } from './support/folder.js';
import { BIN, portcullis, portcullisProcess, run } from './support/run.js';

const PYTHON = '/usr/bin/python3';
/** What is tested here is of Linux, wherever it is. */
const LINUX = ['--platform', 'linux'];
const TRACED = '{ id: no-tracers, effect: deny, when: { linux:tracer: { exists: true } } }';
const PEOPLE = '{ id: people, effect: allow, listeners: [front], when: { unix:uid: { range: [1000, 1999] } }, grant: { role: reader } }';

/** A test of `p.yaml` beside it, by the lines of its parts. */
const test = (...lines: readonly string[]): string => ['apiVersion: portcullis/v1', 'kind: PolicyTest', 'policy: p.yaml', 'clock: 2026-11-23T09:00:00Z', ...lines, ''].join('\n');

const GOOD = test(
  'peers: { alice: { unix:uid: 1000, linux:tracer: null } }',
  'cases:',
  '  - { name: alice reads, listener: front, peer: alice, expect: { decision: allow, grant: { role: reader } } }',
  '  - { name: a traced alice does not, listener: front, peer: { from: alice, linux:tracer: 7 }, expect: { rule: no-tracers } }',
  'properties:',
  '  - never: { decision: allow, where: { linux:tracer: { exists: true } } }',
);
const BAD = test(
  'cases:',
  '  - { name: "a <b> & \\"c\\" \\e[31m", listener: front, peer: { unix:uid: 1000 }, expect: { decision: allow } }',
  '  - { name: fine, peer: {}, expect: { decision: deny } }',
  'properties: [{ never: { decision: allow, where: { unix:uid: 1000 } } }]',
  'coverage: { rules: 100 }',
);

describe('portcullis test', function () {
  let folder: Folder;

  beforeEach(() => {
    folder = new Folder();
    folder.write('p.yaml', policy(TRACED, PEOPLE));
  });
  afterEach(() => { folder.remove(); });

  it('exits 0 where all held, and lists what did', async () => {
    const { code, stdout, stderr } = await portcullisProcess(['test', ...LINUX, folder.write('good.yaml', GOOD)]);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /good\.yaml\n {2}✓ alice reads\n {2}✓ a traced alice does not\n {2}✓ never .* \(proved: 18 of 18 peers, .*\n {2}covered: 2 of 2 rules \(100 %\), 3 of 4 branches \(75 %\)\n\n3 passing\n$/);
    assert.ok(!stdout.includes('TEST_UNCOVERED'));
  });

  it('exits 1 where something failed: expected, seen, explanation, a peer to paste, what is not covered', async () => {
    const { code, stdout } = await portcullis(['test', ...LINUX, folder.write('good.yaml', GOOD), folder.write('bad.yaml', BAD)]);
    assert.equal(code, 1);
    assert.match(stdout, /\n4 passing, 3 failing\n$/);
    assert.match(stdout, /bad\.yaml:6:13 a <b> & "c" \\u\{1b\}\[31m\n {3}decision: expected allow\n {13}seen {5}deny\n\n {3}deny on listener front: unknown-evidence by no-tracers\n/);
    assert.match(stdout, /\? deny no-tracers \(determining\) {2}\S+p\.yaml:4\n {5}\? linux:tracer exists: unknown/);
    assert.match(stdout, /as a case:\n\n {5}- name: "counterexample: never [^]*unix:uid: 1000\n[^]*expect: \{ decision: deny \}\n/);
    assert.match(stdout, /bad\.yaml:9:20: TEST_COVERAGE [^]*p\.yaml:4:11: TEST_UNCOVERED_RULE .*\n {2}3 \| rules:\n {2}4 \| .*\n {4}\| {11}\^{10}\n/);
    assert.ok(!stdout.includes('\u001b'));
  });

  it('exits 1 for a file that cannot be run, with its findings, and for a property that was not decided', async () => {
    const broken = await portcullis(['test', ...LINUX, folder.write('broken.yaml', GOOD.replace('alice: {', 'alise: {')), folder.at('none.yaml')]);
    assert.equal(broken.code, 1);
    assert.match(broken.stdout, /broken\.yaml:7:\d+: TEST_UNKNOWN_PEER [^]*did you mean `alise`[^]*none\.yaml:1:1: YAML_READ[^]*0 passing, 2 failing/);
    const capped = await portcullis(['test', ...LINUX, '--max-looks', '3', folder.write('good.yaml', GOOD)]);
    assert.equal(capped.code, 1);
    assert.match(capped.stdout, /not proved: no counterexample among \d+ of 18 peers.* in 3 looks\n/);
    assert.ok(!capped.stdout.includes('(proved'));
  });

  it('exits 2 when it is called wrongly', async () => {
    const file = folder.write('good.yaml', GOOD);
    for (const args of [[], [file, '--max-looks', '0'], [file, '--watch', '--json'], [file, '--junit']]) assert.equal((await portcullis(['test', ...LINUX, ...args])).code, 2, args.join(' '));
  });

  it('shows what is not covered to who asks, threshold or not', async () => {
    const { code, stdout } = await portcullis(['test', ...LINUX, '--coverage', folder.write('good.yaml', GOOD)]);
    assert.equal(code, 0);
    assert.match(stdout, /p\.yaml:5:62: TEST_UNCOVERED_BRANCH no case in which `unix:uid` decides has it fail\n {2}4 \|/);
  });

  it('says the same as JSON', async () => {
    const { code, stdout } = await portcullis(['test', ...LINUX, '--json', folder.write('bad.yaml', BAD)]);
    assert.equal(code, 1);
    const result = JSON.parse(stdout) as { readonly ok: boolean; readonly passing: number; readonly failing: number; readonly files: readonly { readonly ok: boolean; readonly cases: readonly { readonly ok: boolean; readonly mismatches: readonly object[] }[]; readonly properties: readonly { readonly outcome: string; readonly total: string; readonly counterexample: { readonly listener: string; readonly case: string } }[]; readonly coverage: { readonly rules: object; readonly missed: readonly { readonly code: string }[]; readonly uncovered: readonly object[] } }[] };
    const [file] = result.files;
    assert.deepEqual([result.ok, result.passing, result.failing, file?.ok], [false, 1, 3, false]);
    assert.deepEqual(file?.cases.map(({ ok, mismatches }) => [ok, mismatches]), [[false, [{ of: 'decision', expected: 'allow', seen: 'deny' }]], [true, []]]);
    assert.deepEqual(file.properties.map(({ outcome, counterexample }) => [outcome, counterexample.listener]), [['refuted', 'front']]);
    assert.deepEqual(file.coverage.rules, { covered: 1, total: 2, percent: 50 });
    assert.deepEqual(file.coverage.missed.map((one) => one.code), ['TEST_COVERAGE']);
    assert.ok(!stdout.includes('\u001b'));
  });

  it('writes JUnit XML that a parser of XML reads', async function () {
    requireFeature(this, 'python3', existsSync(PYTHON), `no ${PYTHON}`);
    const report = folder.at('junit.xml');
    await portcullis(['test', ...LINUX, '--junit', report, folder.write('bad.yaml', BAD), folder.at('none.yaml')]);
    const script = 'import sys,json,xml.etree.ElementTree as t\nr=t.parse(sys.argv[1]).getroot()\nprint(json.dumps([r.attrib["tests"],r.attrib["failures"],[[s.attrib["tests"],s.attrib["failures"],[[c.attrib["name"],c.attrib["line"],[f.attrib["type"]+": "+f.text.split("\\n")[0] for f in c]] for c in s]] for s in r]]))';
    const { code, stdout, stderr } = await run(PYTHON, ['-c', script, report]);
    assert.equal(code, 0, stderr);
    assert.deepEqual(JSON.parse(stdout), ['5', '4', [
      ['4', '3', [
        ['a <b> & "c" \\u{1b}[31m', '6', ['case: decision: expected allow']],
        ['fine', '7', []],
        ['never { decision: allow, where: { unix:uid: 1000 } }', '8', ['property: does not hold of this peer: allow, rule by people; as a case:']],
        ['coverage of rules', '9', ['coverage: the cases cover 1 of 2 rules, 50 %; 100 % are asked for']],
      ]],
      ['1', '1', [['can be run', '1', [`error: ${folder.at('none.yaml')}:1:1: YAML_READ cannot read \`${folder.at('none.yaml')}\`: ENOENT, no such file or directory`]]]],
    ]]);
  });

  it('writes coverage as lcov: rules as functions, conditions as branches', async () => {
    const report = folder.at('coverage.info');
    await portcullis(['test', ...LINUX, '--lcov', report, folder.write('good.yaml', GOOD)]);
    assert.equal(readFileSync(report, 'utf8').replace(/^TN:.*\n/, ''), [
      `SF:${folder.at('p.yaml')}`,
      'FN:4,no-tracers', 'FN:5,people', 'FNDA:1,no-tracers', 'FNDA:2,people', 'FNF:2', 'FNH:2',
      'BRDA:4,0,0,1', 'BRDA:4,0,1,1', 'BRDA:5,1,0,2', 'BRDA:5,1,1,0', 'BRF:4', 'BRH:3',
      'DA:4,3', 'DA:5,4', 'LF:2', 'LH:2', 'end_of_record', '',
    ].join('\n'));
  });

  it('fails where a report cannot be written', async () => {
    const { code, stderr } = await portcullis(['test', ...LINUX, '--junit', folder.at('none/junit.xml'), folder.write('good.yaml', GOOD)]);
    assert.equal(code, 1);
    assert.match(stderr, /^portcullis: REPORT_WRITE cannot write .*\n {2}because ENOENT/);
  });

  it('watches: runs again when the test or the policy changes, also by a rename over it', async () => {
    const file = folder.write('good.yaml', GOOD);
    const child = spawn(process.execPath, [BIN, 'test', ...LINUX, '--watch', file], { stdio: ['ignore', 'pipe', 'pipe'] });
    try {
      let output = '';
      const until = (pattern: RegExp): Promise<void> => new Promise((resolve, reject) => {
        const look = (): void => {
          if (!pattern.test(output)) return;
          output = '';
          child.stdout.off('data', look);
          resolve();
        };
        child.stdout.on('data', look);
        child.on('exit', () => { reject(new Error(`ended: ${output}`)); });
        look();
      });
      child.stdout.setEncoding('utf8').on('data', (text: string) => { output += text; });
      await until(/3 passing\n/);
      folder.write('p.yaml', policy(TRACED));
      await until(/2 passing, 1 failing\n/);
      folder.write('next.yaml', policy(TRACED, PEOPLE));
      renameSync(folder.at('next.yaml'), folder.at('p.yaml'));
      await until(/3 passing\n/);
      folder.write('good.yaml', 'kind: [');
      await until(/YAML_SYNTAX[^]*0 passing, 1 failing\n/);
      folder.write('good.yaml', GOOD);
      await until(/3 passing\n/);
    } finally {
      child.kill('SIGKILL');
    }
  });
});
