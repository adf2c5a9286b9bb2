import assert from 'node:assert/strict';
import { spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { requireFeature, requireRoot, skipUnless } from '@portcullis/testkit';
import { admissionOf, connectVerified, handOver, ServerRefused, type HandedOver, type HandOverSettings } from 'portcullis';
import { NODE_CHILD, PYTHON_CHILD } from './programs.js';

const PYTHON = '/usr/bin/python3';
const SOMEBODY = 1234;
const ME = process.getuid?.() ?? -1;

interface Told {
  readonly pid: number;
  readonly uid: number;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly fds: Readonly<Record<string, { readonly close_on_exec: number; readonly blocking: boolean }>>;
}

describe('a listener that is handed to a child', function () {
  this.timeout(30_000);
  let folder: string;
  const children: { readonly child: ChildProcess; readonly lines: Interface | undefined }[] = [];
  before(function () {
    requireFeature(this, 'linux', process.platform === 'linux', 'sockets are made safely on Linux');
    skipUnless(this, existsSync(PYTHON), 'no /usr/bin/python3');
  });
  beforeEach(() => {
    folder = mkdtempSync('/tmp/portcullis-hand-over-');
    chmodSync(folder, 0o755);
  });
  afterEach(async () => {
    for (const { child, lines } of children.splice(0)) {
      lines?.close();
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
    }
    rmSync(folder, { recursive: true, force: true });
  });

  const at = (name: string): string => join(folder, name);

  async function start(settings: Partial<HandOverSettings> = {}): Promise<HandedOver> {
    const handed = await handOver({
      sockets: [{ name: 'app', path: at('s') }], command: PYTHON, args: ['-c', PYTHON_CHILD], stdio: 'pipe', ...settings,
    });
    handed.child.stderr?.pipe(process.stderr);
    children.push({ child: handed.child, lines: undefined });
    return handed;
  }

  async function line({ child }: HandedOver): Promise<string> {
    assert.ok(child.stdout);
    const lines = createInterface(child.stdout);
    children.push({ child, lines });
    return String((await once(lines, 'line'))[0]);
  }

  async function told(settings: Partial<HandOverSettings> = {}): Promise<Told & { readonly handed: HandedOver }> {
    const handed = await start(settings);
    return { ...(JSON.parse(await line(handed)) as Told), handed };
  }

  async function all(socket: Socket): Promise<string> {
    let got = '';
    for await (const some of socket.setEncoding('utf8')) got += String(some);
    return got;
  }

  it('takes connections before the child is ready to, and serves them then', async () => {
    const handed = await start({ args: ['-c', PYTHON_CHILD, 'wait'] });
    const client = connect(at('s'));
    await once(client, 'connect');
    handed.child.stdin?.write('go\n');
    assert.equal(await all(client), 'served');
  });

  it('is named as sd_listen_fds(3) says, for the very process that runs the command', async () => {
    const { handed, pid, env } = await told({ sockets: [{ name: 'app', path: at('s') }, { name: 'admin socket', path: at('t'), mode: 0o660 }] });
    assert.deepEqual(env, { LISTEN_FDS: '2', LISTEN_FDNAMES: 'app:admin socket', LISTEN_PID: String(handed.child.pid) });
    assert.equal(pid, handed.child.pid);
    assert.deepEqual(handed.sockets.map(({ path }) => path), [at('s'), at('t')]);
  });

  it('has the environment that was given and nothing else', async () => {
    const { env } = await told({ env: { HOME: '/nowhere', EMPTY: '', LISTEN_FDS: '9', LISTEN_PID: '1', LEFT_OUT: undefined } });
    assert.deepEqual(Object.keys(env).sort(), ['EMPTY', 'HOME', 'LISTEN_FDNAMES', 'LISTEN_FDS', 'LISTEN_PID']);
    assert.deepEqual([env['HOME'], env['LISTEN_FDS']], ['/nowhere', '1']);
  });

  it('passes the sockets, blocking as programs expect them, and no other descriptor', async () => {
    const { fds } = await told({ sockets: [{ name: 'a', path: at('s') }, { name: 'b', path: at('t') }] });
    assert.deepEqual(fds, { 3: { close_on_exec: 0, blocking: true }, 4: { close_on_exec: 0, blocking: true } });
  });

  it('passes arguments as they are, whatever a shell would make of them', async () => {
    const hostile = ['-x', 'a b', '$(touch /tmp/portcullis-was-here)', '`id`', '"; exit 1; "', "'", '', '\n'];
    assert.deepEqual((await told({ args: ['-c', PYTHON_CHILD, ...hostile] })).args, hostile);
    assert.equal(existsSync('/tmp/portcullis-was-here'), false);
  });

  it('starts where it is told', async () => { assert.equal((await told({ cwd: folder })).cwd, folder); });

  it('starts as another user, who could not have made the socket there', async function () {
    requireRoot(this, 'starts a child as another user');
    assert.equal((await told({ uid: SOMEBODY, gid: SOMEBODY })).uid, SOMEBODY);
    assert.equal(await all(connect(at('s'))), 'served');
  });

  it('leaves no copy with us: when the child exits, nobody listens and the path is gone', async () => {
    const before = sockets();
    const handed = await start();
    await line(handed);
    assert.deepEqual(sockets().filter((one) => !before.includes(one)).length, 3, 'the pipes to the child are sockets, and there are three');
    handed.child.kill('SIGKILL');
    await once(handed.child, 'exit');
    assert.deepEqual(readdirSync(folder), []);
  });

  it('is served by a gate of Node in the child, under its name', async () => {
    writeFileSync(at('policy.yaml'), `apiVersion: portcullis/v1\nkind: AdmissionPolicy\nrules:\n  - { id: us, effect: allow, when: { unix:uid: ${String(ME)} } }\n`);
    const handed = await start({ command: process.execPath, args: ['--input-type=module', '-e', NODE_CHILD, at('policy.yaml')], cwd: import.meta.dirname });
    assert.equal(await line(handed), 'listening');
    const socket = await connectVerified(at('s'), { uid: ME });
    assert.equal(admissionOf(socket).peer?.pid, handed.child.pid, 'Node calls listen() again, and is the maker from then on');
    assert.equal(await all(socket), 'served');
  });

  it('shows us as its maker as long as the child calls no listen(): verifying it is a self-connection', async () => {
    await line(await start());
    await assert.rejects(connectVerified(at('s'), { uid: ME }), (error) => error instanceof ServerRefused && error.facts['code'] === 'self-connection');
    const socket = await connectVerified(at('s'), { uid: ME }, { self: 'allow' });
    assert.equal(admissionOf(socket).peer?.pid, process.pid);
    assert.equal(await all(socket), 'served');
  });

  describe('is not handed over, and leaves neither path nor descriptor,', () => {
    async function refuses(code: string, settings: Partial<HandOverSettings>): Promise<void> {
      const before = descriptors();
      await assert.rejects(start(settings), { code });
      assert.deepEqual(readdirSync(folder), []);
      // Node closes the pipes of a child that did not start a little later.
      for (let tries = 0; descriptors() > before && tries < 1000; tries += 1) await sleep(5);
      assert.equal(descriptors(), before);
    }

    it('where the command is relative: PATH is never asked (I9)', () => refuses('PROGRAM_UNTRUSTED', { command: 'python3' }));

    describe('as its command', () => {
      let programs: string | undefined;
      before(function () {
        requireRoot(this, 'gives files away');
        programs = mkdtempSync('/run/portcullis-programs-'); // not below /tmp, where everybody may write
        chmodSync(programs, 0o755);
      });
      after(() => { if (programs !== undefined) rmSync(programs, { recursive: true, force: true }); });

      const at = (...names: readonly string[]): string => join(programs ?? '', ...names);

      function program(name: string, mode: number, owner = 0): string {
        const path = at(name);
        copyFileSync('/bin/sleep', path);
        chmodSync(path, mode);
        chownSync(path, owner, owner);
        return path;
      }

      it('is not there', () => refuses('PROGRAM_FAILED', { command: at('nothing') }));
      it('may be written by others', () => refuses('PROGRAM_UNTRUSTED', { command: program('writable', 0o777) }));
      it('belongs to another user', () => refuses('PROGRAM_UNTRUSTED', { command: program('foreign', 0o755, SOMEBODY) }));
      it('lies in a folder where others may put another in its place', () => {
        const path = program('replaceable', 0o755);
        mkdirSync(at('open'));
        chmodSync(at('open'), 0o777);
        renameSync(path, at('open', 'replaceable'));
        return refuses('PROGRAM_UNTRUSTED', { command: at('open', 'replaceable') });
      });

      it('starts where it is ours and nobody else may change it', async () => {
        const { child } = await start({ command: program('ours', 0o755), args: ['60'] });
        assert.equal(child.exitCode, null);
      });

      it('starts for a supervisor that is not root: its own, and not another user\'s', () => {
        const [own, foreign] = [at('own'), at('other')];
        for (const [path, owner] of [[own, SOMEBODY], [foreign, SOMEBODY + 1]] as const) {
          mkdirSync(path);
          copyFileSync('/bin/true', join(path, 'program'));
          for (const made of [path, join(path, 'program')]) chownSync(made, owner, owner);
        }
        const script = `
          const { handOver } = await import(${JSON.stringify(import.meta.resolve('portcullis'))});
          for (const command of process.argv.slice(2)) {
            const sockets = [{ name: 'app', path: process.argv[1] + '/s' }];
            await handOver({ sockets, command }).then(({ child }) => new Promise((resolve) => child.on('exit', (code) => { console.log('exit', code); resolve(); })), ({ code }) => { console.log(code); });
          }`;
        const args = ['--input-type=module', '-e', script, own, join(own, 'program'), '/bin/true', join(foreign, 'program')];
        const { stdout } = spawnSync(process.execPath, args, { uid: SOMEBODY, gid: SOMEBODY, cwd: '/', encoding: 'utf8', timeout: 20_000 });
        assert.equal(stdout, 'exit 0\nexit 0\nPROGRAM_UNTRUSTED\n');
        assert.deepEqual(readdirSync(own), ['program']);
      });
    });

    it('where the folder to start in is not there', () => refuses('PROGRAM_FAILED', { cwd: at('nowhere') }));
    it('where the second socket cannot be made', () => refuses('LISTEN_PARENT_MISSING', { sockets: [{ name: 'a', path: at('s') }, { name: 'b', path: at('no/t') }] }));
    it('where there is no socket', () => refuses('LISTEN_HAND_OVER', { sockets: [] }));
    it('where two have one name', () => refuses('LISTEN_HAND_OVER', { sockets: [{ name: 'a', path: at('s') }, { name: 'a', path: at('t') }] }));
    for (const name of ['', 'a:b', 'a\n', 'ä', 'n'.repeat(256)]) {
      it(`where one is called ${JSON.stringify(name.slice(0, 8))}`, () => refuses('LISTEN_HAND_OVER', { sockets: [{ name, path: at('s') }] }));
    }
    it('where it would be another user with our group', () => refuses('LISTEN_HAND_OVER', { uid: SOMEBODY }));
    it('where it would be us with another group', () => refuses('LISTEN_HAND_OVER', { gid: SOMEBODY }));
    it('where a shell would drop a variable', () => refuses('LISTEN_HAND_OVER', { env: { 'not-a-name': '1' } }));
  });
});

function links(): readonly string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return [];
    }
  });
}

function sockets(): readonly string[] {
  return links().filter((link) => link.startsWith('socket:'));
}

function descriptors(): number {
  return links().length;
}
