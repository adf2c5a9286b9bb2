import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { formatLog } from '../../dist/replay/text-report.js';
import { Folder, policy } from './support/folder.js';
import { BIN, portcullis, portcullisProcess } from './support/run.js';

const NOW = '2026-11-21T12:00:00.000Z';

/** A line of a log, refused by default unless told otherwise. */
function line(fields: object, selectors: Readonly<Record<string, unknown>> = {}): string {
  const seen = Object.fromEntries(Object.entries(selectors).map(([key, value]) => [key, value === null ? { absent: true, tier: 'kernel-live' } : { values: [value], tier: key === 'unix:path' ? 'image' : 'kernel-connect' }]));
  return JSON.stringify({ event: 'decision', time: NOW, listener: 'front', decision: 'deny', cause: 'default', peer: { pid: 1, uid: selectors['unix:uid'] ?? 0, pin: 'peer-pidfd' }, selectors: seen, policy: 'x', ...fields });
}

const PEOPLE = '{ id: people, effect: allow, when: { unix:uid: { range: [1000, 1999] } } }';

interface Result {
  readonly ok: boolean;
  readonly counts: Readonly<Record<string, number>>;
  readonly groups: readonly { readonly change: string; readonly count: number; readonly missing: readonly string[]; readonly now?: { readonly rules: readonly string[] }; readonly peers: readonly { readonly line: number; readonly uid: number; readonly path?: string }[] }[];
  readonly log: { readonly decisions: number; readonly lines: number; readonly unreadable: number; readonly torn?: number; readonly problems: readonly { readonly line: number; readonly why: string }[] };
}

describe('portcullis replay', function () {
  let folder: Folder;

  beforeEach(() => { folder = new Folder(); });
  afterEach(() => { folder.remove(); });

  const replay = async (log: string | Uint8Array, ...more: readonly string[]): Promise<{ readonly code: number | null; readonly result: Result }> => {
    folder.write('log', log);
    const { code, stdout, stderr } = await portcullis(['replay', '--json', '-p', folder.at('p.yaml'), folder.at('log'), ...more]);
    assert.equal(stderr, '');
    return { code, result: JSON.parse(stdout) as Result };
  };

  it('exits 0 where all stays as it was, and 1 where something changes, by rule and peer', async () => {
    folder.write('p.yaml', policy(PEOPLE));
    const same = line({ decision: 'allow', cause: 'rule', rule: 'old' }, { 'unix:uid': 1000 });
    assert.equal((await replay(`${same}\n`)).code, 0);
    const { code, result } = await replay([same, line({}, { 'unix:uid': 1001, 'unix:path': '/usr/bin/git' }), line({}, { 'unix:uid': 1001, 'unix:path': '/usr/bin/git' }), line({ decision: 'allow', cause: 'rule', rule: 'old' }, { 'unix:uid': 7 }), ''].join('\n'));
    assert.equal(code, 1);
    assert.deepEqual(result.groups.map(({ change, count, now, peers }) => [change, count, now?.rules, peers.map(({ uid, path, line: at }) => [uid, path, at])]), [
      ['admits', 2, ['people'], [[1001, '/usr/bin/git', 2]]],
      ['refuses', 1, [], [[7, undefined, 4]]],
    ]);
  });

  it('says in words what changes, with hostile text escaped (I11)', async () => {
    folder.write('p.yaml', policy(PEOPLE, '{ id: no-tracers, effect: deny, when: { linux:tracer: { exists: true } } }'));
    const log = folder.write('log', [line({}, { 'unix:uid': 1001, 'linux:tracer': null, 'unix:path': '/x\u001b[2K' }), line({ listener: 'l\u202e' }, { 'unix:uid': 1002 }), line({ cause: 'peer-lost' }), ''].join('\n'));
    const { code, stdout } = await portcullis(['replay', '--platform', 'linux', '-p', folder.at('p.yaml'), log]);
    assert.equal(code, 1);
    assert.equal(stdout.replace(/under .*:/, 'under P:'), [
      '3 decisions under P: 0 as they were',
      '1 connection that no policy decided, then as now: refused before it was asked, or lost meanwhile',
      '', '1 refused then, would be admitted', '  1 ×  deny default  →  allow by people', '      1 × uid 1001 /x\\u{1b}[2K on front, first in line 1',
      '', '1 cannot be told: it depends on what the record does not tell', '  1 ×  deny default  →  depends on linux:tracer', '      1 × uid 1002 on l\\u{202e}, first in line 2', '',
    ].join('\n'));
  });

  it('uses the recorded time and listener', async () => {
    folder.write('p.yaml', policy('{ id: a, effect: allow, listeners: [front], expires: 2026-11-21T12:00:01Z, when: { unix:uid: 7 } }'));
    const allowed = { decision: 'allow', cause: 'rule', rule: 'a' };
    const { result } = await replay([line(allowed, { 'unix:uid': 7 }), line({ ...allowed, time: '2026-11-21T12:00:01.000Z' }, { 'unix:uid': 7 }), line({ ...allowed, listener: 'back' }, { 'unix:uid': 7 }), ''].join('\n'));
    assert.deepEqual([result.counts['same'], result.counts['refuses']], [1, 2]);
    assert.equal((await replay(`${line({ ...allowed, listener: 'back' }, { 'unix:uid': 7 })}\n`, '--listener', 'front')).code, 0);
  });

  it('keeps the exhausted limits of the record (I6)', async () => {
    folder.write('p.yaml', policy(PEOPLE));
    const { code, result } = await replay(`${line({ cause: 'limit', exhausted: ['gone'] }, { 'unix:uid': 1000 })}\n`);
    // A rule without a limit admits; that the recorded one was exhausted is no reason.
    assert.deepEqual([code, result.counts['admits']], [1, 1]);
  });

  it('passes over lines that are no records, names them, and says where the last one breaks off', async () => {
    folder.write('p.yaml', policy(PEOPLE));
    const good = line({ decision: 'allow', cause: 'rule', rule: 'old' }, { 'unix:uid': 1000 });
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    const text = [good, '{"event":"listening"}', '', '{not json', '[1]', '{}', line({ decision: 'perhaps' }), deep, `{"event":"decision","x":"${'y'.repeat(1024 * 1024)}"}`, good.slice(0, 40)].join('\n');
    const bytes = Buffer.concat([Buffer.from(`${good}\r\n"`), Buffer.from([0xff, 0x0a]), Buffer.from(text)]);
    const { code, result } = await replay(bytes);
    assert.equal(code, 1);
    assert.deepEqual([result.log.decisions, result.log.unreadable, result.log.torn], [2, 7, 12]);
    assert.deepEqual(result.log.problems.map(({ line: at, why }) => [at, why.slice(0, 20)]), [
      [2, 'not UTF-8'], [6, 'not JSON'], [7, 'no record: not a JSO'], [8, 'no record: it has no'], [9, '`decision` is neithe'], [10, 'no record: not a JSO'], [11, 'longer than 1048576 '],
    ]);
    // A log that is being written is no reason to fail.
    assert.equal((await replay(`${good}\n${good.slice(0, 40)}`)).code, 0);
    assert.equal((await replay(good)).result.log.decisions, 1);
  });

  it('reads stdin, and says what is wrong with a file in one line', async () => {
    folder.write('p.yaml', policy(PEOPLE));
    const { code, stdout } = await portcullisProcess(['replay', '-p', folder.at('p.yaml'), '-'], { input: `${line({}, { 'unix:uid': 5 })}\n` });
    assert.deepEqual([code, stdout.includes('1 decision under')], [0, true]);
    for (const path of [folder.at('none'), folder.path, '/dev/zero']) {
      const none = await portcullis(['replay', '-p', folder.at('p.yaml'), path]);
      assert.equal(none.code, 1);
      assert.match(none.stderr, /^portcullis: LOG_READ cannot read .*\n {2}because .*\n$/);
    }
    assert.equal((await portcullis(['replay', folder.at('none')])).code, 2);
  });

  it('stays within memory, however long the log and its lines are', async () => {
    folder.write('p.yaml', policy(PEOPLE));
    const child = spawn(process.execPath, ['--max-old-space-size=48', BIN, 'replay', '--json', '-p', folder.at('p.yaml'), '-'], { stdio: ['pipe', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => { output += text; });
    const piece = Buffer.from(`${line({}, { 'unix:uid': 1000, 'unix:path': '/usr/bin/git' })}\n`.repeat(2000));
    const write = (bytes: Buffer): Promise<void> => new Promise((resolve) => { if (child.stdin.write(bytes)) resolve(); else child.stdin.once('drain', resolve); });
    for (let round = 0; round < 60; round++) await write(piece);
    for (let round = 0; round < 60; round++) await write(Buffer.alloc(4 * 1024 * 1024, 0x61));
    child.stdin.end();
    await new Promise((resolve) => { child.on('close', resolve); });
    const { log, counts } = JSON.parse(output) as Result;
    assert.deepEqual([log.decisions, counts['admits'], log.torn], [120_000, 120_000, 120_001]);
  });
});

describe('portcullis explain --record', () => {
  it('explains a recorded connection, with its evidence, listener and time', async () => {
    const folder = new Folder();
    try {
      folder.write('p.yaml', policy('{ id: a, effect: allow, listeners: [front], expires: 2026-11-21T12:00:01Z, when: { unix:uid: 7 } }'));
      const record = line({}, { 'unix:uid': 7 });
      const args = ['explain', '-p', folder.at('p.yaml'), '--record', '-'];
      assert.match((await portcullis(args, { input: record })).stdout, /^allow on listener front: rule by a\n/);
      assert.match((await portcullis([...args, '--clock', '2026-11-22T12:00:00Z'], { input: record })).stdout, /^deny on listener front: default\n/);
      assert.match((await portcullis(args, { input: `${record}${record}` })).stderr, /EVIDENCE_INVALID this is not one `decision` record/);
      folder.write('limited.yaml', policy('{ id: few, effect: allow, limit: { key: [unix:uid], concurrent: 1 }, when: { unix:uid: 7 } }'));
      const limited = line({ decision: 'deny', cause: 'limit', exhausted: ['few'] }, { 'unix:uid': 7 });
      assert.match((await portcullis(['explain', '-p', folder.at('limited.yaml'), '--record', '-'], { input: limited })).stdout, /^deny on listener front: /);
      const lost = line({ decision: 'deny', cause: 'peer-lost', rule: [] }, { 'unix:uid': 7 });
      assert.match((await portcullis(args, { input: lost })).stdout, /^recorded: deny, peer-lost: no policy decided that\. What this one makes of the evidence:\n\nallow on listener front/);
      assert.deepEqual((JSON.parse((await portcullis([...args, '--json'], { input: lost })).stdout) as { recorded?: unknown }).recorded, { decision: 'deny', cause: 'peer-lost' });
      assert.equal((await portcullis([...args, '--evidence', 'x'])).code, 2);
      assert.equal((await portcullis([...args, '--clock', 'noon'])).code, 2);
    } finally {
      folder.remove();
    }
  });
});

describe('what is said of a log', () => {
  const log = { lines: 0, decisions: 0, problems: [], unreadable: 0 };
  it('is that it is empty, or has nothing that was asked for; else nothing', () => {
    assert.deepEqual(formatLog(log), ['', 'the log is empty']);
    assert.match(formatLog({ ...log, lines: 3 }).join(), /has no `decision` records, or none of the listeners/);
    assert.deepEqual(formatLog({ ...log, lines: 3, decisions: 1 }), []);
  });
});
