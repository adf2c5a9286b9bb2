import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { probeCapabilities } from '@portcullis/attestor-linux';
import { CONNECT_PORT } from '@portcullis/core';
import { requireFeature, requireRoot } from '@portcullis/testkit';
import { admissionOf, connectVerified, loadPlatform, PortcullisError, ServerRefused, type Attestor, type ConnectVerifiedSettings, type Platform, type ServerExpectation } from 'portcullis';

const SERVER = `
const server = require('node:net').createServer((socket) => {
  socket.on('error', () => {});
  let count = 0;
  socket.on('data', (bytes) => { count += bytes.length; socket.write(bytes); });
  socket.on('close', () => { console.log('got ' + count); });
});
server.listen(process.argv[1], () => { require('node:fs').chmodSync(process.argv[1], 0o666); console.log('ready'); });
`;
/** Says for each of its expectations what became of it. */
const CLIENT = ['--input-type=module', '-e', `
const { connectVerified } = await import(${JSON.stringify(import.meta.resolve('portcullis'))});
for (const expected of JSON.parse(process.argv[2])) {
  await connectVerified(process.argv[1], expected).then((socket) => { console.log('admitted'); socket.destroy(); }, (error) => { console.log(error.message); });
}`];
const ME = process.getuid?.() ?? -1;
const NODE = realpathSync(process.execPath);
const NODE_SHA256 = createHash('sha256').update(readFileSync(NODE)).digest('hex');
const SLOW: Attestor = {
  name: 'slow',
  selectors: [{ key: 'test:slow', value: { type: 'boolean' }, many: false, trust: 'derived', cost: 'remote', summary: 'never known', example: true }],
  attest: () => new Promise(() => undefined),
};

/** A path is there before its server listens. */
async function listening<T>(connect: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await connect();
    } catch (error) {
      if (!(error instanceof PortcullisError) || error.facts['errno'] !== 'ECONNREFUSED') throw error;
      await sleep(5);
    }
  }
}

describe('connectVerified', function () {
  this.timeout(30_000);
  let folder: string;
  let path: string;
  let server: ChildProcess | undefined;
  const sockets: Socket[] = [];
  before(async function () {
    folder = mkdtempSync('/tmp/portcullis-client-'); // first: it is removed after a skip too
    requireFeature(this, 'linux', process.platform === 'linux', 'servers are verified on Linux');
    chmodSync(folder, 0o777);
    path = join(folder, 'server.sock');
    server = await started(path);
  });
  afterEach(() => { for (const socket of sockets.splice(0)) socket.destroy(); });
  after(() => {
    server?.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  async function started(at: string, uid = ME): Promise<ChildProcess> {
    const child = spawn(process.execPath, ['-e', SERVER, at], { stdio: ['ignore', 'pipe', 'inherit'], ...(uid === ME ? {} : { uid, gid: uid }) });
    await once(child.stdout, 'data');
    return child;
  }

  async function connect(expected: Parameters<typeof connectVerified>[1], settings?: ConnectVerifiedSettings, at = path): Promise<Socket> {
    const socket = await connectVerified(at, expected, settings);
    sockets.push(socket);
    return socket;
  }

  async function refused(expected: Parameters<typeof connectVerified>[1], settings?: ConnectVerifiedSettings): Promise<ServerRefused> {
    const error = await connect(expected, settings).then(() => assert.fail('it was admitted'), (reason: unknown) => reason);
    if (!(error instanceof ServerRefused)) throw error as Error;
    return error;
  }

  describe('with plain values', () => {
    const admitted: Readonly<Record<string, ServerExpectation>> = {
      'a uid': { uid: ME },
      'one of several uids': { uid: [4321, ME] },
      'a key of the catalogue, spelled out': { 'unix:uid': ME, 'unix:same-uid': true },
      'a uid and a program': { uid: ME, path: NODE, requires: 'image-unverified' },
      'a uid, a program and its digest': { uid: ME, path: NODE, sha256: NODE_SHA256, requires: 'image-unverified' },
    };
    for (const [what, expected] of Object.entries(admitted)) {
      it(`admits a server by ${what}`, async () => {
        const { decision, peer } = admissionOf(await connect(expected));
        assert.deepEqual([decision.rules, peer?.pid], [['expected-server'], server?.pid]);
      });
    }

    it('admits a server by the name of its user and group', async function () {
      requireRoot(this, 'knows the names of root');
      await connect({ user: 'root', group: 'root' });
    });

    const elsewhere: Readonly<Record<string, ServerExpectation>> = {
      'another uid': { uid: 4321 },
      'another of two conditions': { uid: ME, gid: 4321 },
      'another program': { uid: ME, path: '/usr/bin/true', requires: 'image-unverified' },
      'another digest': { uid: ME, sha256: '0'.repeat(64), requires: 'image-unverified' },
      'a program that is only as sure as a process with code of its own making can be': { uid: ME, path: NODE },
    };
    for (const [what, expected] of Object.entries(elsewhere)) {
      it(`refuses it by ${what}`, async () => { assert.equal((await refused(expected)).facts['cause'], 'default'); });
    }

    const senseless: Readonly<Record<string, [unknown, string]>> = {
      nothing: [{}, 'CONNECT_OPTIONS'],
      'only a tier': [{ requires: 'image' }, 'CONNECT_OPTIONS'],
      'a value that is missing': [{ uid: undefined }, 'CONNECT_OPTIONS'],
      'a value that is no number': [{ uid: NaN }, 'CONNECT_OPTIONS'],
      'a condition in place of a value': [{ uid: { exists: true } }, 'CONNECT_OPTIONS'],
      'a key twice': [{ uid: ME, 'unix:uid': ME }, 'CONNECT_OPTIONS'],
      'a word that is no key': [{ uid: ME, pathh: NODE }, 'CONNECT_OPTIONS'],
      'a program of anybody': [{ path: NODE }, 'CONNECT_OPTIONS'],
      'a key that nobody knows': [{ uid: ME, 'unix:pathh': NODE }, 'POLICY_INVALID'],
      'a uid as text': [{ uid: 'root' }, 'POLICY_INVALID'],
      'an empty list': [{ uid: [] }, 'POLICY_INVALID'],
      'a tier that nobody knows': [{ uid: ME, requires: 'certain' }, 'POLICY_INVALID'],
    };
    for (const [what, [expected, code]] of Object.entries(senseless)) {
      it(`does not connect where ${what} is expected`, async () => {
        await assert.rejects(connect(expected as ServerExpectation), { code });
      });
    }
  });

  describe('with a policy', () => {
    const file = (rules: string): string => {
      const at = join(folder, 'policy.yaml');
      writeFileSync(at, `apiVersion: portcullis/v1\nkind: AdmissionPolicy\nrules:\n${rules}`);
      return at;
    };

    it('admits by the rules of its file, under the name of a listener', async () => {
      const at = file(`  - { id: ours, effect: allow, listeners: [upstream], when: { unix:uid: ${String(ME)} }, grant: { role: upstream } }\n`);
      const { decision, listener } = admissionOf(await connect(at, { listener: 'upstream' }));
      assert.deepEqual([decision.rules, decision.grant, listener], [['ours'], { role: 'upstream' }, 'upstream']);
      assert.equal((await refused(at)).facts['cause'], 'default');
    });

    it('says which rule denies', async () => {
      const uid = `when: { unix:uid: ${String(ME)} }`;
      const { facts } = await refused(file(`  - { id: ours, effect: allow, ${uid} }\n  - { id: never, effect: deny, ${uid}, reason: "not this one" }\n`));
      assert.deepEqual([facts['cause'], facts['rule']], ['rule', 'never']);
    });

    it('does not connect where it has errors, or is not there', async () => {
      await assert.rejects(connect(file('  - { id: broken, effect: allow, when: { unix:uidd: 0 } }\n')), { code: 'POLICY_INVALID' });
      await assert.rejects(connect(join(folder, 'nowhere.yaml')), { code: 'POLICY_INVALID' });
    });
  });

  it('sends no byte to a server of another user, and the error has the name of that user', async function () {
    requireRoot(this, 'starts a server as another user');
    const at = join(folder, 'daemon.sock');
    const daemon = await started(at, 1);
    try {
      const said = once(daemon.stdout!, 'data');
      const error = await connect({ user: 'root' }, undefined, at).then(() => assert.fail('it was admitted'), (reason: unknown) => reason);
      assert.ok(error instanceof ServerRefused);
      assert.deepEqual([error.facts['user'], error.facts['uid'], error.facts['pid']], ['daemon', 1, daemon.pid]);
      assert.match(error.message, /`daemon` \(uid 1\).*`unix:user` must be `root` and is `daemon`/);
      assert.equal(String(await said), 'got 0\n');
    } finally {
      daemon.kill('SIGKILL');
    }
  });

  it('verifies servers that it has no power over: a client that is nobody, before a server of root\'s', function () {
    requireRoot(this, 'starts a client as another user');
    const expected = [{ uid: 0 }, { uid: 4321 }, { uid: 0, path: NODE, requires: 'image-unverified' }];
    const { stdout } = spawnSync(process.execPath, [...CLIENT, path, JSON.stringify(expected)], { uid: 4321, gid: 4321, encoding: 'utf8', timeout: 20_000 });
    const [byUid, byOther, byProgram] = stdout.split('\n');
    assert.equal(byUid, 'admitted');
    assert.match(String(byOther), /of user `root` \(uid 0\).*`unix:uid` must be `4321` and is `0`/);
    assert.match(String(byProgram), /`unix:path` must be `.*` and is unknown \(permission\)/, 'root\'s programs are not for everybody to look at');
  });

  it('verifies a server outside its own pid namespace, whose pid it cannot see (T13)', function () {
    requireRoot(this, 'makes a pid namespace');
    requireFeature(this, 'peerpidfd', probeCapabilities().peerPidFd, 'no SO_PEERPIDFD');
    const args = ['--pid', '--fork', '--mount-proc', process.execPath, ...CLIENT, path, JSON.stringify([{ uid: 0 }, { uid: 4321 }])];
    const { stdout } = spawnSync('/usr/bin/unshare', args, { encoding: 'utf8', timeout: 20_000 });
    const [byUid, byOther] = stdout.split('\n');
    assert.equal(byUid, 'admitted');
    assert.match(String(byOther), /of user `root` \(uid 0\) in a process that cannot be seen from here, is refused/);
  });

  it('verifies socat by its program, and its digest', async function () {
    requireFeature(this, 'socat', existsSync('/usr/bin/socat'), 'no /usr/bin/socat');
    const at = join(folder, 'socat.sock');
    const program = realpathSync('/usr/bin/socat');
    const socat = spawn(program, [`UNIX-LISTEN:${at},fork`, 'EXEC:/bin/cat'], { stdio: 'ignore' });
    try {
      while (!existsSync(at)) await sleep(5);
      const sha256 = createHash('sha256').update(readFileSync(program)).digest('hex');
      const socket = await listening(() => connect({ uid: ME, path: program, sha256 }, undefined, at));
      assert.equal(admissionOf(socket).peer?.pid, socat.pid);
      socket.write('hello');
      assert.equal(String((await once(socket, 'data'))[0]), 'hello');
    } finally {
      socat.kill('SIGKILL');
    }
  });

  it('carries bytes both ways once the server is verified', async () => {
    const socket = await connect({ uid: ME });
    socket.write('hello');
    assert.equal(String((await once(socket, 'data'))[0]), 'hello');
  });

  it('ends at its timeout also where only an attestor is slow', async () => {
    const expected = { uid: ME, 'test:slow': true, requires: 'derived' } as const;
    await assert.rejects(connect(expected, { timeoutMs: 200, attestors: [SLOW] }), { code: 'CONNECT_TIMEOUT' });
  });

  it('waits for no attestor that does not close', async () => {
    let closed = 0;
    const stuck: Attestor = { ...SLOW, name: 'stuck', close: () => { closed += 1; return new Promise(() => undefined); } };
    await connect({ uid: ME }, { plugins: [(registrar) => { registrar.register(Symbol.for('portcullis.attestor'), { useValue: stuck }); }] });
    assert.equal(closed, 1);
  });

  it('is not there where the platform has no port for it', async () => {
    const linux = await loadPlatform('linux');
    const platform: Platform = {
      ...linux,
      register: (registrar, options) => { linux.register({ register: (token, provider) => { if (token !== CONNECT_PORT) registrar.register(token, provider); } }, options); },
    };
    await assert.rejects(connect({ uid: ME }, { platform }), { code: 'PLATFORM_UNSUPPORTED' });
  });

  it('closes the attestors that it made, and not those of the caller', async () => {
    let closed = 0;
    const attestor: Attestor = { ...SLOW, name: 'mine', close: () => { closed += 1; return Promise.resolve(); } };
    await connect({ uid: ME }, { attestors: [attestor] });
    assert.equal(closed, 0);
  });
});
