import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { ContainerAttestor, type ContainerOptions } from '@portcullis/attestor-container';
import { LinuxAttestor, linuxListenPort, LinuxPeerSource } from '@portcullis/attestor-linux';
import { createGate, type Admission, type Evidenced, type Gate, type SelectorKey } from '@portcullis/core';
import { stubPolicy } from '@portcullis/core/testing';
import { Podman, requireFeature } from '@portcullis/testkit';
import { hostOf, until } from './support/asking.js';

const CURL = '/usr/bin/curl';
const NODE = process.execPath;
/** The host's programs, so that the image needs none. */
const PROGRAMS = ['/usr', '/lib', '/lib64'].filter((path) => existsSync(path)).flatMap((path) => ['-v', `${path}:${path}:ro`]);
const KEYS: readonly SelectorKey[] = ['container:name', 'container:image', 'container:image-id', 'container:image-digest', 'container:label', 'container-env:ROLE', 'container-env:NONE'];

describe('containers of podman, by its Docker API', function () {
  this.timeout(120_000);
  let podman: Podman;
  let service: string;
  let folder: string;
  let gate: Gate | undefined;
  const attestors: { close(): unknown }[] = [];
  const records: Admission[] = [];
  const containers: string[] = [];
  before(async function () {
    requireFeature(this, 'curl', existsSync(CURL), `${CURL} is not there`);
    podman = Podman.open(this);
    podman.image('job');
    service = await podman.service();
  });
  beforeEach(() => { folder = mkdtempSync('/tmp/portcullis-gate-'); });
  afterEach(async () => {
    await gate?.close({ drainMs: 0 });
    gate = undefined;
    for (const one of attestors.splice(0)) await one.close();
    if (containers.length > 0) podman.run('rm', '--force', '--time', '0', ...containers.splice(0));
    records.length = 0;
    rmSync(folder, { recursive: true, force: true });
  });
  after(async () => { await (podman as Podman | undefined)?.close(); });

  /** A gate that collects these keys of whoever comes. */
  async function collect(keys: readonly SelectorKey[] = KEYS, options: ContainerOptions = {}): Promise<void> {
    const linux = new LinuxAttestor();
    const container = new ContainerAttestor({ socket: service, timeoutMs: 30_000, ...options }, hostOf());
    attestors.push(linux, container);
    gate = await createGate({
      policy: stubPolicy({ keys, allow: () => true }), peerSource: new LinuxPeerSource(), listenPort: linuxListenPort(), attestors: [linux, container],
      deadlineMs: 60_000, sink: { record: (admission) => { records.push(admission); } },
    });
    const path = join(folder, 'gate.sock');
    chmodSync(folder, 0o755);
    await gate.listen(createServer((_request, response) => { response.end('welcome'); }), { path });
    chmodSync(path, 0o666);
  }

  function start(...options: readonly string[]): string {
    const id = podman.start('job', ['/bin/busybox', 'sleep', '600'], ['-v', `${folder}:/gate`, ...PROGRAMS, ...options]);
    containers.push(id);
    return id;
  }

  function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
    return new Promise((resolve) => { execFile(command, args, { env }, (_error, stdout) => { resolve(stdout.trim()); }); });
  }

  /** Who comes from inside of a container, or from the host, as the gate saw them. */
  async function seen(id?: string): Promise<Readonly<Record<string, Evidenced>>> {
    const before = records.length;
    const line = [CURL, '--silent', '--max-time', '100', '--unix-socket', id === undefined ? join(folder, 'gate.sock') : '/gate/gate.sock', 'http://x/'];
    const { command, args, env } = id === undefined ? { command: line[0] ?? '', args: line.slice(1), env: {} } : podman.inside(id, line);
    assert.equal(await run(command, args, env), 'welcome');
    await until(() => records.length > before);
    return Object.fromEntries(records[before]?.evidence ?? []);
  }

  const valuesOf = (entry: Evidenced | undefined): unknown => (entry?.state === 'present' ? entry.values : entry);

  it('are known by every key, below the id that the kernel anchored, and as what that is worth', async () => {
    await collect();
    const id = start('--name', 'portcullis-web', '--label', 'tier=front', '--label', 'app.example/x=a=b', '--env', 'ROLE=admin');
    const evidence = await seen(id);
    const [imageId, digest] = podman.run('image', 'inspect', '--format', '{{.Id}} {{.Digest}}', 'job').split(' ');
    const present = (...values: unknown[]) => ({ state: 'present', values, tier: 'derived' });
    assert.deepEqual(evidence, {
      'container:id': present(id), 'container:name': present('portcullis-web'), 'container:image': present('localhost/job:latest'),
      'container:image-id': present(`sha256:${imageId ?? ''}`), 'container:image-digest': present(digest), 'container:label': present('app.example/x=a=b', 'tier=front'),
      'container-env:ROLE': present('admin'), 'container-env:NONE': { state: 'absent', tier: 'derived' },
    });
  });

  it('are absent of a peer of the host, and nobody asks for it', async () => {
    await collect(KEYS, { socket: '/nowhere/at.sock' });
    const evidence = await seen();
    assert.deepEqual(KEYS.map((key) => evidence[key]), KEYS.map(() => ({ state: 'absent', tier: 'derived' })));
  });

  it('do not take a peer for another of its name: one that is called by the id of another is itself', async () => {
    await collect(['container:label']);
    const victim = start('--label', 'tier=admin');
    const thief = start('--name', victim.slice(0, 12), '--label', 'tier=thief');
    const named = start('--name', victim, '--label', 'tier=named');
    assert.deepEqual(valuesOf((await seen(thief))['container:label']), ['tier=thief']);
    assert.deepEqual(valuesOf((await seen(named))['container:label']), ['tier=named']);
    const label = (await seen(victim))['container:label'];
    assert.ok(label?.state === 'unknown' || String(valuesOf(label)) === 'tier=admin', JSON.stringify(label));
  });

  it('are unknown where there is no daemon', async () => {
    await collect(['container:name'], { socket: join(folder, 'none.sock') });
    const name = (await seen(start()))['container:name'];
    assert.deepEqual([name?.state, name?.state === 'unknown' && name.why], ['unknown', 'service-down']);
  });

  it('of a service that another user put in the daemon\'s place: it hears no byte, and the keys are unknown', async () => {
    chmodSync(folder, 0o777);
    const path = join(folder, 'docker.sock');
    const script = `const s = require('net').createServer((c) => { console.log('connected'); c.on('data', (b) => console.log('heard ' + b)); c.on('error', () => {}); c.on('close', () => console.log('closed')); }); s.listen(${JSON.stringify(path)}, () => { require('fs').chmodSync(${JSON.stringify(path)}, 0o777); console.log('ready'); });`;
    const thief = spawn(NODE, ['-e', script], { uid: 65_534, gid: 65_534, cwd: '/', env: {}, stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    thief.stdout.setEncoding('utf8').on('data', (text: string) => { said += text; });
    try {
      await until(() => said.includes('ready'));
      await collect(['container:name'], { socket: path });
      const name = (await seen(start()))['container:name'];
      assert.ok(name?.state === 'unknown' && name.why === 'service-down', JSON.stringify(name));
      assert.match(name.detail ?? '', /is refused/);
      await until(() => said.includes('closed'));
      assert.ok(!said.includes('heard'), said);
    } finally {
      thief.kill('SIGKILL');
      await once(thief, 'exit');
    }
  });
});
