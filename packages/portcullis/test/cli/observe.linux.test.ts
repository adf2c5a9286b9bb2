import assert from 'node:assert/strict';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { createGate, type PolicyGate } from 'portcullis';
import { requireFeature } from '@portcullis/testkit';
import { ALLOW_ME, ALLOW_OTHER, Folder, ME, policy } from './support/folder.js';
import { portcullis, portcullisProcess } from './support/run.js';
import { Serving, until, type Line } from './support/serving.js';
import { echo, UpstreamServer } from './support/upstream.js';

describe('serve: observe mode, candidates and limits', function () {
  let folder: Folder;
  let upstream: UpstreamServer;
  let serving: Serving | undefined;
  const sockets: Socket[] = [];

  before(function () {
    requireFeature(this, 'linux', process.platform === 'linux', 'needs Linux');
  });
  beforeEach(async () => {
    folder = new Folder();
    upstream = await UpstreamServer.listen(folder.at('up.sock'), echo);
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await serving?.stop();
    serving = undefined;
    await upstream.close();
    folder.remove();
  });

  async function start(text: string, ...more: readonly string[]): Promise<Serving> {
    folder.write('p.yaml', text);
    return (serving = await Serving.start(['--policy', folder.at('p.yaml'), '--listen', `unix:${folder.at('g.sock')}`, '--upstream', `unix:${folder.at('up.sock')}`, ...more]));
  }

  /** What comes back of `hello`: all of it where the client is admitted, nothing where it is refused. */
  function say(): { readonly socket: Socket; readonly answer: Promise<string> } {
    const socket = connect(folder.at('g.sock'));
    sockets.push(socket);
    socket.on('error', () => undefined).write('hello');
    let text = '';
    const answer = new Promise<string>((resolve) => {
      socket.on('data', (bytes) => { text += bytes.toString(); if (text === 'hello') resolve(text); }).on('close', () => { resolve(text); });
    });
    return { socket, answer };
  }

  it('admits who would be refused, says so at its start and in every record, and collects what is cheap', async () => {
    const gateway = await start(policy(ALLOW_OTHER), '--observe');
    assert.equal(await say().answer, 'hello');
    const record = await gateway.until('decision');
    assert.deepEqual([record['decision'], record['cause'], record['observe']], ['deny', 'default', 'admitted']);
    const keys = Object.keys({ ...(record['selectors'] as Line), ...(record['unknown'] as Line | undefined) });
    for (const key of ['unix:uid', 'unix:path', 'linux:tracer']) assert.ok(keys.includes(key), key);
    assert.ok(!keys.some((key) => key.startsWith('env:') || key === 'unix:sha256'), keys.join());
    assert.equal(gateway.of('listening')[0]?.['observe'], true);
    await until(() => gateway.stderr.includes('listener default ONLY OBSERVES: everyone is admitted'), 'said at the start');
  });

  it('is told of by `check` and `doctor` of a gateway file, and no policy can ask for it', async () => {
    folder.write('p.yaml', policy(ALLOW_ME));
    folder.write('gateway.yaml', `apiVersion: portcullis/v1\nkind: Gateway\nlisteners:\n  - name: front\n    observe: true\n    listen: { path: ${folder.at('g.sock')} }\n    upstream: unix:${folder.at('up.sock')}\n    policy: p.yaml\n`);
    const checked = await portcullis(['check', '--strict', folder.at('gateway.yaml')]);
    assert.equal(checked.code, 1);
    assert.match(checked.stdout, /gateway\.yaml:5:5: GATEWAY_OBSERVES listener `front` only observes: everyone is admitted/);
    const { stdout } = await portcullis(['doctor', '--gateway', folder.at('gateway.yaml')]);
    assert.match(stdout, /^weaker observe +listener `front` ONLY OBSERVES\n +everyone is admitted/m);
    assert.match(stdout, /^verdict: usable, weaker in \d+ points?$/m);
    assert.equal((await portcullis(['doctor', '--gateway', folder.at('p.yaml')])).code, 1);
    for (const text of [`observe: true\n${policy(ALLOW_ME)}`, policy(`{ id: me, observe: true, effect: allow, when: { unix:uid: ${String(ME)} } }`)]) {
      assert.match((await portcullis(['check', folder.write('bad.yaml', text)])).stdout, /SCHEMA_UNKNOWN_WORD `observe`/);
    }
    serving = await Serving.start([folder.at('gateway.yaml')]);
    assert.equal(await say().answer, 'hello');
    assert.deepEqual([(await serving.until('decision'))['observe'], (await serving.until('decision'))['decision']], ['admitted', 'allow']);
  });

  it('does not pass on a connection that is not of its kind (T14)', async () => {
    const seen: Socket[] = [];
    const guarded = createServer((socket) => { seen.push(socket); });
    const records: string[] = [];
    const gate: PolicyGate = await createGate({ policy: folder.write('p.yaml', policy(ALLOW_ME)), observe: true, self: 'allow', sink: { record: ({ decision, admitted }) => { records.push(`${decision.code ?? decision.effect} ${String(admitted)}`); } } });
    gate.guard(guarded);
    const plain = createServer((socket) => { guarded.emit('connection', socket); });
    await new Promise<void>((resolve) => { plain.listen(0, '127.0.0.1', resolve); });
    const client = connect((plain.address() as AddressInfo).port, '127.0.0.1');
    sockets.push(client);
    client.on('error', () => undefined);
    await new Promise((resolve) => client.on('close', resolve).resume());
    await gate.close({ drainMs: 0 });
    assert.deepEqual([seen, records], [[], ['socket-not-unix false']]);
    await new Promise((resolve) => plain.close(resolve));
  });

  it('asks a candidate beside the policy, refuses nobody for it, counts, and follows its file', async () => {
    const candidate = folder.write('next.yaml', policy(ALLOW_OTHER));
    const gateway = await start(policy(ALLOW_ME), '--candidate', candidate);
    assert.equal(await say().answer, 'hello');
    const first = (await gateway.until('decision'))['candidate'] as Line;
    assert.deepEqual([first['decision'], first['cause'], first['diverges']], ['deny', 'default', true]);
    folder.write('next.yaml', policy(ALLOW_ME, '{ id: more, effect: allow, when: { unix:path: { prefix: / } } }'));
    gateway.signal('SIGHUP');
    await until(() => gateway.of('policy').some((event) => event['candidate'] === true && event['outcome'] === 'loaded'), 'the candidate is loaded');
    assert.equal(await say().answer, 'hello');
    const second = (await gateway.until('decision', 2))['candidate'] as Line;
    assert.deepEqual([second['decision'], second['diverges']], ['allow', false]);
    assert.notEqual(second['policy'], first['policy']);
    for (const socket of sockets) socket.destroy();
    await gateway.stop();
    const [divergence] = gateway.of('divergence');
    assert.deepEqual([divergence?.['policy'], divergence?.['compared'], divergence?.['diverged']], [second['policy'], 1, 0]);
  });

  it('keeps what a limit has counted when the policy is loaded anew, and gives a place back when its connection ends', async () => {
    const text = `{ id: me, effect: allow, when: { unix:uid: ${String(ME)} }, limit: { key: [unix:uid], concurrent: 1 } }`;
    const gateway = await start(policy(text));
    const first = say();
    assert.equal(await first.answer, 'hello');
    assert.equal(await say().answer, '');
    const refused = await gateway.until('decision', 2);
    assert.deepEqual([refused['cause'], refused['rule'], refused['exhausted']], ['limit', 'me', ['me']]);
    assert.deepEqual(((refused['nearest'] as Line)['failed'] as Line[])[0]?.['key'], 'rule:limit');
    folder.write('p.yaml', policy(text, '{ id: nobody, effect: deny, when: { unix:uid: 77777 } }'));
    gateway.signal('SIGHUP');
    await gateway.until('policy');
    assert.equal(await say().answer, '');
    first.socket.destroy();
    await until(() => upstream.sockets.every((socket) => socket.destroyed || socket.readableEnded), 'the first has ended');
    for (;;) if (await say().answer === 'hello') break;
  });

  it('refuses connections of one user that come too fast, by code', async () => {
    const gateway = await start(policy(ALLOW_ME), '--rate-per-uid', '2/h');
    assert.deepEqual([await say().answer, await say().answer, await say().answer], ['hello', 'hello', '']);
    const refused = await gateway.until('decision', 3);
    assert.deepEqual([refused['cause'], refused['code'], refused['selectors']], ['capacity', 'rate-limit-uid', {}]);
    assert.match((await portcullisProcess(['serve', '--policy', 'p', '--listen', 'unix:/a', '--upstream', 'unix:/b', '--rate-per-uid', 'fast'])).stderr, /`--rate-per-uid` is a rate such as/);
  });
});
