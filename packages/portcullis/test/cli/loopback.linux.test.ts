import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { existsSync } from 'node:fs';
import { createGate, loadPlatform } from 'portcullis';
import { requireFeature, requireRoot, skipUnless } from '@portcullis/testkit';
import { Folder, ME, policy } from './support/folder.js';
import { asUser, portcullis, portcullisProcess, run } from './support/run.js';
import { Serving, until, type Line } from './support/serving.js';
import { httpHello, UpstreamServer } from './support/upstream.js';

const CURL = '/usr/bin/curl';
const OTHER = 54_321;
const ALLOW_ME = `{ id: me, effect: allow, requires: heuristic, when: { unix:uid: ${String(ME)} } }`;

describe('portcullis serve on a loopback port', function () {
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

  const start = async (text: string, listen = 'tcp:127.0.0.1:0'): Promise<string> => {
    folder.write('p.yaml', text);
    serving = await Serving.start(['--policy', folder.at('p.yaml'), '--listen', listen, '--upstream', `unix:${folder.at('up.sock')}`]);
    const { address } = await serving.until('listening');
    assert.match(String(address), /^tcp:(?:127\.0\.0\.1|\[::1\]):[1-9][0-9]*$/);
    return `http://${String(address).slice('tcp:'.length)}/`;
  };
  const curl = (url: string): readonly string[] => ['-s', '--max-time', '20', url];

  it('passes an admitted client on, and says who it was and how little that is worth', async () => {
    const url = await start(policy(ALLOW_ME));
    assert.equal((await run(CURL, curl(url))).stdout, 'hello\n');
    const record = await serving!.until('decision');
    assert.deepEqual([record['decision'], record['rule'], record['peer'], record['selectors']], [
      'allow', 'me', { pid: 0, uid: ME, pin: 'unpinned' }, { 'unix:uid': { values: [ME], tier: 'heuristic' } },
    ]);
  });

  it('tells users apart, at ::1 too, and passes no byte of those it refuses (I1)', async function () {
    requireRoot(this, 'needs root to be another user');
    const url = await start(policy(ALLOW_ME), 'tcp:[::1]:0');
    assert.equal((await asUser(OTHER, CURL, curl(url))).stdout, '');
    assert.equal((await serving!.until('decision'))['cause'], 'default');
    assert.equal(upstream.sockets.length, 0);
    assert.equal((await run(CURL, curl(url))).stdout, 'hello\n');
  });

  it('finds the program where a rule names one', async function () {
    requireRoot(this, 'needs root to look into every process');
    const url = await start(policy(`{ id: curl, effect: allow, requires: heuristic, when: { all: [{ unix:uid: ${String(ME)} }, { unix:path: ${CURL} }] } }`));
    assert.equal((await run(CURL, curl(url))).stdout, 'hello\n');
    const { peer, path } = await serving!.until('decision');
    assert.deepEqual([path, (peer as Line)['pin'], Number((peer as Line)['pid']) > 0], [CURL, 'socket-holder', true]);
    assert.equal((await fetch(url).catch(() => undefined))?.status, undefined);
    assert.equal((await serving!.until('decision', 2))['decision'], 'deny');
  });

  it('allows by no rule that does not say `requires: heuristic`, and says so at start', async () => {
    const url = await start(policy(`{ id: strict, effect: allow, when: { unix:uid: ${String(ME)} } }`, '{ id: no-group, effect: deny, when: { unix:gid: 77 } }'));
    assert.equal((await run(CURL, curl(url))).stdout, '');
    const { nearest } = await serving!.until('decision');
    assert.equal((nearest as { failed: readonly Line[] }).failed[0]?.['state'], 'too-weak');
    await until(() => serving!.stderr.includes('no-group'), 'a warning of the rule that nobody can pass');
    assert.match(serving!.stderr, /HOST_TCP_TOO_WEAK allow rule `strict`/);
    assert.match(serving!.stderr, /over TCP, deny rule `no-group` needs `unix:gid`/);
  });

  it('starts on no address of a network, on no name, and on no port that is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    folder.write('p.yaml', policy(ALLOW_ME));
    const refused = async (listen: string, ...more: readonly string[]): Promise<readonly [number | null, string]> => {
      const { code, stderr } = await portcullisProcess(['serve', '--policy', folder.at('p.yaml'), '--listen', listen, '--upstream', `unix:${folder.at('up.sock')}`, ...more]);
      return [code, stderr];
    };
    for (const host of ['0.0.0.0', '[::]', '192.0.2.2']) {
      const [code, stderr] = await refused(`tcp:${host}:0`);
      assert.equal(code, 2);
      assert.match(stderr, /must be a loopback address, such as 127\.0\.0\.1/);
    }
    for (const address of ['localhost:1', '127.0.0.1', '127.0.0.1:65536', '::1:1', '']) {
      const [code, stderr] = await refused(`tcp:${address}`);
      assert.equal(code, 2, address);
      assert.match(stderr, /must be `127\.0\.0\.1:PORT`/, address);
    }
    assert.match((await refused('tcp:127.0.0.1:0', '--mode', '600')).join(), /^2,.*`--mode` and `--group`/);
    assert.match((await refused(`tcp:127.0.0.1:${String((taken.address() as AddressInfo).port)}`)).join(), /^1,.*LISTEN_IN_USE/s);
    await stopped(taken);
  });

  it('is a listener of a gateway file like any other, beside Unix sockets', async () => {
    folder.write('p.yaml', policy(`{ id: me, effect: allow, requires: heuristic, when: { unix:uid: ${String(ME)} } }`));
    const gateway = folder.write('gateway.yaml', ['apiVersion: portcullis/v1', 'kind: Gateway', 'listeners:',
      `  - { name: port, listen: { tcp: "127.0.0.1:0" }, upstream: "unix:${folder.at('up.sock')}", policy: p.yaml }`,
      `  - { name: path, listen: { path: ${folder.at('g.sock')} }, upstream: "unix:${folder.at('up.sock')}", policy: p.yaml }`, ''].join('\n'));
    serving = await Serving.start([gateway]);
    await serving.until('listening', 2);
    const { address } = serving.of('listening').find(({ listener }) => listener === 'port')!;
    assert.equal((await run(CURL, curl(`http://${String(address).slice(4)}/`))).stdout, 'hello\n');
    assert.equal((await run(CURL, ['--unix-socket', folder.at('g.sock'), ...curl('http://x/')])).stdout, 'hello\n');
    await serving.until('decision', 2);
    const tiers = serving.of('decision').map(({ listener, selectors }) => [listener, ((selectors as Line)['unix:uid'] as Line)['tier']]);
    assert.deepEqual(tiers, [['port', 'heuristic'], ['path', 'kernel-connect']]);
  });

  it('is checked in a gateway file: addresses, its own upstream, two listeners of one port, rules that are too weak', async () => {
    folder.write('p.yaml', policy('{ id: strict, effect: allow, when: { unix:uid: 7 } }'));
    const check = async (more: readonly string[], ...listeners: readonly (readonly [listen: string, upstream: string])[]): Promise<string> => {
      const lines = listeners.map(([listen, to], index) => `  - { name: l${String(index)}, listen: ${listen}, upstream: "${to}", policy: p.yaml }`);
      const file = folder.write('gateway.yaml', ['apiVersion: portcullis/v1', 'kind: Gateway', 'listeners:', ...lines, ''].join('\n'));
      return (await portcullis(['check', ...more, file])).stdout;
    };
    const UP = 'unix:/run/x/up.sock';
    assert.match(await check([], ['{ tcp: "0.0.0.0:80" }', UP]), /gateway\.yaml:4:[0-9]+: SCHEMA_VALUE `tcp` must be a loopback address/);
    assert.match(await check([], ['{ tcp: "localhost:80" }', UP]), /SCHEMA_VALUE `tcp` must be `127\.0\.0\.1:PORT`/);
    assert.match(await check([], ['{ tcp: 80 }', UP]), /SCHEMA_TYPE `tcp` must be text/);
    assert.match(await check([], ['{ tcp: "127.0.0.1:80", mode: 0600 }', UP]), /SCHEMA_UNKNOWN_WORD `mode`/);
    assert.match(await check([], ['{ tcp: "127.0.0.1:80", path: /run/x }', UP]), /`listen` needs one of `path`, `tcp`/);
    assert.match(await check([], ['{ tcp: "[::ffff:127.0.0.1]:80" }', 'tcp:127.0.0.1:80']), /`upstream` is the listener's own socket/);
    assert.match(await check([], ['{ tcp: "127.0.0.1:80" }', UP], ['{ tcp: "127.0.0.1:80" }', UP]), /gateway\.yaml:5:[0-9]+: SCHEMA_VALUE two listeners listen on one port tcp:127\.0\.0\.1:80/);
    assert.match(await check([], ['{ tcp: "127.0.0.1:0" }', UP], ['{ tcp: "127.0.0.1:0" }', UP]), /0 errors/);
    assert.match(await check(['--host'], ['{ tcp: "127.0.0.1:80" }', UP]), /HOST_TCP_TOO_WEAK allow rule `strict` .* on listener `l0`/);
    assert.doesNotMatch(await check(['--host'], ['{ path: /run/x/g.sock }', UP]), /HOST_TCP/);
  });
});

describe('createGate for TCP', function () {
  let folder: Folder;
  before(function () { requireFeature(this, 'linux', process.platform === 'linux', 'needs Linux'); });
  beforeEach(() => { folder = new Folder(); });
  afterEach(() => { folder.remove(); });

  it('is asked for by name, and stands before a server that others made to listen', async () => {
    const gate = await createGate({ policy: folder.write('p.yaml', policy(ALLOW_ME)), transport: 'tcp', self: 'allow' });
    const server = createServer((socket) => { socket.end('hello'); });
    gate.guard(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    assert.equal(String((await once(client, 'data'))[0]), 'hello');
    client.destroy();
    await gate.close({ drainMs: 0 });
    await stopped(server);
  });

  it('is refused on macOS', async () => {
    const platform = await loadPlatform('darwin');
    await assert.rejects(createGate({ policy: folder.write('p.yaml', policy(ALLOW_ME)), transport: 'tcp', platform }), { code: 'PLATFORM_UNSUPPORTED' });
  });
});

function stopped(server: Server): Promise<unknown> {
  return new Promise((resolve) => server.close(resolve));
}
