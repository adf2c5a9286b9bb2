import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { requireFeature, requireRoot, skipUnless } from '@portcullis/testkit';
import { ALLOW_ME, ALLOW_OTHER, Folder, ME, policy } from './support/folder.js';
import { asUser, portcullisProcess, run } from './support/run.js';
import { Serving, type Line } from './support/serving.js';
import { httpHello, UpstreamServer } from './support/upstream.js';

const CURL = '/usr/bin/curl';
const OTHER = 54_321;

describe('portcullis serve', function () {
  let folder: Folder;
  let upstream: UpstreamServer;
  let serving: Serving | undefined;

  before(function () {
    requireFeature(this, 'linux', process.platform === 'linux', 'needs Linux');
    skipUnless(this, existsSync(CURL), 'needs curl');
  });

  beforeEach(async () => {
    folder = new Folder();
    upstream = await UpstreamServer.listen(folder.at('up.sock'), httpHello);
  });

  afterEach(async () => {
    await serving?.stop();
    serving = undefined;
    await upstream.close();
    folder.remove();
  });

  const start = async (text: string, ...more: readonly string[]): Promise<Serving> => {
    folder.write('p.yaml', text);
    serving = await Serving.start(['--policy', folder.at('p.yaml'), '--listen', `unix:${folder.at('g.sock')}`, '--upstream', `unix:${folder.at('up.sock')}`, ...more]);
    return serving;
  };
  const curl = ['-s', '--max-time', '10', '--unix-socket'];

  it('passes an admitted client on, and says who it was', async () => {
    const gateway = await start(policy(ALLOW_ME), '--listener', 'front', '--mode', '0640');
    assert.equal(statSync(folder.at('g.sock')).mode & 0o777, 0o640);
    const { stdout } = await run(CURL, [...curl, folder.at('g.sock'), 'http://x/']);
    assert.equal(stdout, 'hello\n');
    const record = await gateway.until('decision');
    assert.equal(record['decision'], 'allow');
    assert.equal(record['cause'], 'rule');
    assert.equal(record['rule'], 'me');
    assert.equal(record['listener'], 'front');
    assert.equal((record['peer'] as Line)['uid'], ME);
    assert.deepEqual((record['selectors'] as Line)['unix:uid'], { values: [ME], tier: 'kernel-connect' });
    assert.deepEqual(Object.keys(record['micros'] as object), ['open', 'collect', 'verify', 'decide']);
    assert.ok(Math.abs(Date.parse(String(record['time'])) - Date.now()) < 60_000);
  });

  it('refuses the rest: no byte reaches the upstream, and the record names rule and selector (I1)', async () => {
    const gateway = await start(policy(ALLOW_OTHER));
    const { code, stdout } = await run(CURL, [...curl, folder.at('g.sock'), 'http://x/']);
    assert.notEqual(code, 0);
    assert.equal(stdout, '');
    const record = await gateway.until('decision');
    assert.equal(record['decision'], 'deny');
    assert.equal(record['cause'], 'default');
    const nearest = record['nearest'] as { rule: string; failed: readonly Line[] };
    assert.equal(nearest.rule, 'other');
    assert.equal(nearest.failed.length, 1);
    assert.equal(nearest.failed[0]?.['key'], 'unix:uid');
    assert.equal(nearest.failed[0]['expected'], String(ME + 4242));
    assert.equal(nearest.failed[0]['observed'], ME);
    assert.equal(upstream.sockets.length, 0);
  });

  it('tells users apart', async function () {
    requireRoot(this, 'needs root to be another user');
    const gateway = await start(policy(`{ id: them, effect: allow, when: { unix:uid: ${String(OTHER)} } }`), '--mode', '0666');
    assert.equal((await asUser(OTHER, CURL, [...curl, folder.at('g.sock'), 'http://x/'])).stdout, 'hello\n');
    assert.equal((await run(CURL, [...curl, folder.at('g.sock'), 'http://x/'])).stdout, '');
    assert.equal((await asUser(OTHER + 1, CURL, [...curl, folder.at('g.sock'), 'http://x/'])).stdout, '');
    await gateway.until('decision', 3);
    assert.deepEqual(gateway.of('decision').map((record) => [record['decision'], (record['peer'] as Line)['uid']]), [['allow', OTHER], ['deny', 0], ['deny', OTHER + 1]]);
    assert.equal(upstream.sockets.length, 1);
  });

  it('begins with `listening`, writes JSON without spaces, and one record a connection', async () => {
    const gateway = await start(policy(ALLOW_ME));
    for (let count = 0; count < 5; count += 1) await run(CURL, [...curl, folder.at('g.sock'), 'http://x/']);
    await gateway.until('decision', 5);
    assert.equal(gateway.records[0]?.event, 'listening');
    assert.equal(gateway.records[0]['path'], folder.at('g.sock'));
    assert.equal(gateway.of('decision').length, 5);
    for (const line of gateway.lines) assert.equal(line, JSON.stringify(JSON.parse(line)));
  });

  it('answers in HTTP where it is asked to', async () => {
    await start(policy(ALLOW_OTHER), '--refusal', 'http');
    const { stdout } = await run(CURL, [...curl, folder.at('g.sock'), '-o', '/dev/null', '-w', '%{http_code}', 'http://x/']);
    assert.equal(stdout, '403');
    assert.equal(upstream.sockets.length, 0);
  });

  it('passes on to TCP', async () => {
    const tcp = await UpstreamServer.listen(0, httpHello);
    try {
      folder.write('p.yaml', policy(ALLOW_ME));
      serving = await Serving.start(['-p', folder.at('p.yaml'), '-l', `unix:${folder.at('g.sock')}`, '-u', `tcp:127.0.0.1:${String(tcp.port)}`]);
      assert.equal((await run(CURL, [...curl, folder.at('g.sock'), 'http://x/'])).stdout, 'hello\n');
    } finally {
      await tcp.close();
    }
  });

  it('serves several listeners of a gateway file', async () => {
    folder.write('a.yaml', policy(ALLOW_ME.replace('effect', 'listeners: [one], effect'), ALLOW_OTHER.replace('effect', 'listeners: [two], effect')));
    const file = folder.write('gateway.yaml', [
      'apiVersion: portcullis/v1', 'kind: Gateway', 'drain: 1', 'listeners:',
      ...['one', 'two'].flatMap((name) => [
        `  - name: ${name}`, `    listen: { path: ${folder.at(`${name}.sock`)}, mode: 0600 }`,
        `    upstream: unix:${folder.at('up.sock')}`, '    policy: a.yaml', '    collect: [unix:path]', '    refusal: http',
      ]), '',
    ].join('\n'));
    serving = await Serving.start([file]);
    await serving.until('listening', 2);
    assert.equal((await run(CURL, [...curl, folder.at('one.sock'), 'http://x/'])).stdout, 'hello\n');
    assert.equal((await run(CURL, [...curl, folder.at('two.sock'), 'http://x/'])).stdout, 'connection refused by policy\n');
    await serving.until('decision', 2);
    const [one, two] = serving.of('decision');
    assert.deepEqual([one?.['listener'], one?.['decision'], one?.['path']], ['one', 'allow', CURL]);
    assert.deepEqual([two?.['listener'], two?.['decision']], ['two', 'deny']);
    // What is collected for the record comes after the decision: a refused peer may be gone by then.
    assert.ok(two?.['path'] === CURL || 'unix:path' in (two?.['unknown'] as object));
  });

  it('removes its socket when it stops, and takes over what a killed one left', async () => {
    const first = await start(policy(ALLOW_ME));
    first.signal('SIGKILL');
    await first.exited;
    assert.ok(existsSync(folder.at('g.sock')));
    const second = await start(policy(ALLOW_ME));
    assert.equal(second.records[0]?.['replacedStale'], true);
    assert.equal(await second.stop(), 0);
    assert.ok(!existsSync(folder.at('g.sock')));
  });

  it('starts on warnings, and prints them', async () => {
    const gateway = await start(policy('{ id: git, effect: allow, when: { unix:path: /usr/bin/git } }', '{ id: nobody-here, effect: allow, when: { unix:user: no-such-user-here } }'));
    await gateway.stop();
    assert.match(gateway.stderr, /POLICY_PROGRAM_WITHOUT_PRINCIPAL/);
    assert.match(gateway.stderr, /no-such-user-here/);
    const warnings = gateway.of('listening')[0]?.['warnings'] as readonly { readonly code?: string; readonly message: string; readonly line?: number; readonly column?: number }[];
    const found = warnings.find(({ code }) => code === 'POLICY_PROGRAM_WITHOUT_PRINCIPAL');
    assert.equal(found?.line, 4);
    assert.ok(warnings.some(({ message }) => message.includes('no-such-user-here')));
    for (const { message } of warnings) assert.ok(!message.includes('\n'), message);
  });

  it('warns at start of programs and policies that others can replace', async () => {
    const gateway = await start(policy(`{ id: tool, effect: allow, when: { all: [{ unix:uid: 7 }, { unix:path: ${folder.at('tool')} }] } }`));
    await gateway.stop();
    assert.match(gateway.stderr, /^warning: \S+: HOST_PATH_REPLACEABLE allow rule `tool`/m);
  });

  it('writes lines for people with --log pretty', async () => {
    folder.write('p.yaml', policy(ALLOW_OTHER));
    const child = Serving.spawn(['-p', folder.at('p.yaml'), '-l', `unix:${folder.at('g.sock')}`, '-u', `unix:${folder.at('up.sock')}`, '--log', 'pretty']);
    serving = child;
    while (!child.lines.some((line) => line.includes('listening on'))) await new Promise((resolve) => setTimeout(resolve, 10));
    await run(CURL, [...curl, folder.at('g.sock'), 'http://x/']);
    while (!child.lines.some((line) => line.includes(' deny '))) await new Promise((resolve) => setTimeout(resolve, 10));
    await child.stop();
    assert.match(child.lines.join('\n'), /listening on .*\n.* deny pid [0-9]+ .*: default; nearest other: unix:uid wants [0-9]+, is [0-9]+/);
    assert.ok(!child.lines.join('').includes('\u001b'));
  });

  it('refuses to be called with half of what it needs', async () => {
    const { code, stderr } = await portcullisProcess(['serve', '--policy', 'p.yaml']);
    assert.equal(code, 2);
    assert.match(stderr, /--upstream/);
  });
});
