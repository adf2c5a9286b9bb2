import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { DescriptorBudget } from '@portcullis/core';
import { LinuxPeerSource } from '@portcullis/attestor-linux';
import { requireFeature, skipUnless } from '@portcullis/testkit';
import { descriptors, Harness, needLinux, pidfds, until } from './support/harness.js';
import { CrowdProcess, GatewayProcess } from './support/processes.js';

describe('the gate in a flood (T20)', function () {
  this.timeout(180_000);
  let harness: Harness;
  const crowds: CrowdProcess[] = [];
  const gateways: GatewayProcess[] = [];
  before(function () { needLinux(this); });
  beforeEach(() => { harness = new Harness(); });
  afterEach(async () => {
    for (const crowd of crowds.splice(0)) crowd.kill();
    for (const gateway of gateways.splice(0)) await gateway.stop();
    await harness.close();
  });

  function crowd(path: string, admit = true): CrowdProcess {
    const started = new CrowdProcess(path);
    crowds.push(started);
    if (admit) harness.admitted.add(started.child.pid!);
    return started;
  }

  it('holds ten thousand admitted connections at once, and lets none of a refused crowd in', async function () {
    const limit = Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]);
    const many = Math.min(10_000, limit - 2_000);
    skipUnless(this, many >= 1_000, `the limit of ${String(limit)} descriptors leaves no room for a flood`);
    let arrived = 0;
    const before = descriptors();
    const gate = await harness.serve(createServer((socket) => {
      arrived += 1;
      socket.on('error', () => undefined).resume().write('w');
    }), { budget: new DescriptorBudget({ limit, used: before }, 1) });
    const [ours, others] = [crowd(harness.path), crowd(harness.path, false)];
    const [seen, refused] = await Promise.all([ours.tell({ open: many }), others.tell({ open: 2_000 })]);
    assert.deepEqual([seen, refused], [{ welcomed: many, ended: 0 }, { welcomed: 0, ended: 2_000 }]);
    await until(() => harness.records.length === many + 2_000);
    assert.deepEqual([arrived, gate.load.live, harness.failures], [many, many, []]);
    assert.deepEqual(await ours.tell({ close: many }), { welcomed: 0, ended: 0 });
    await until(() => gate.load.live === 0);
  });

  it('leaves no descriptor behind: of admitted, refused and dead peers', async () => {
    const gate = await harness.serve(createServer((socket) => { socket.on('error', () => undefined).resume().write('w'); }));
    const [ours, others] = [crowd(harness.path), crowd(harness.path, false)];
    const round = async (): Promise<void> => {
      await Promise.all([ours.tell({ open: 50 }), others.tell({ open: 50 })]);
      await ours.tell({ close: 50 });
      await until(() => gate.load.live === 0);
    };
    await round();
    const before = [descriptors(), pidfds()];
    for (let i = 0; i < 5; i += 1) await round();
    await until(() => harness.records.length === 600);
    await until(() => descriptors() <= before[0]!);
    assert.ok(pidfds() <= before[1]!, 'pidfds were left behind');
  });

  it('refuses by name, in a process of few descriptors, the connection that it could not hold, and admits again when there is room', async function () {
    const gateway = await starved(this, '256');
    const ours = crowd(harness.path);
    const { welcomed, ended } = await ours.tell({ open: 220 });
    assert.ok(welcomed > 20 && ended > 20, `welcomed ${String(welcomed)}, ended ${String(ended)}`);
    await until(() => gateway.count(({ effect }) => effect !== undefined) === 220);
    assert.deepEqual([gateway.count(({ code }) => code === 'descriptor-limit'), gateway.count(({ effect }) => effect === 'allow')], [ended, welcomed]);
    const { welcomed: left } = await ours.tell({ close: 10 });
    // The gateway may hear of the closed ones a moment later.
    while ((await ours.tell({ open: 1 })).welcomed === left);
    assert.ok(gateway.alive);
    assert.equal(gateway.count(({ failed }) => failed !== undefined), 0);
  });

  it('neither crashes nor admits unseen when the descriptors do run out (EMFILE)', async function () {
    const gateway = await starved(this, '128', 'unlimited');
    const ours = crowd(harness.path);
    const { welcomed, ended } = await ours.tell({ open: 300 });
    assert.ok(welcomed < 128, 'the descriptors did not run out');
    // Some were admitted, and ended again since no descriptor was left to watch their peer with (I2).
    await until(() => gateway.count(({ effect }) => effect === 'allow') >= 300 - ended);
    assert.equal(gateway.count(({ effect }) => effect === 'allow'), 300 - ended);
    assert.ok(welcomed <= 300 - ended);
    await ours.tell({ close: welcomed });
    assert.deepEqual(await ours.tell({ open: 5 }), { welcomed: 5, ended });
    assert.ok(gateway.alive);
  });

  async function starved(ctx: Mocha.Context, limit: string, ...budget: string[]): Promise<GatewayProcess> {
    const prlimit = await harness.run('prlimit', ['--version'], false);
    requireFeature(ctx, 'prlimit', prlimit.code === 0, 'no prlimit here to lower the limit of a process with');
    const gateway = new GatewayProcess(['prlimit', `--nofile=${limit}:${limit}`], [harness.path, ...budget]);
    gateways.push(gateway);
    assert.equal((await gateway.started()).listening, join(harness.folder, 'gate.sock'));
    return gateway;
  }

  it('refuses a peer that was gone before anybody looked, and keeps nothing of it', async () => {
    let arrived = 0;
    await harness.serve(createServer(() => { arrived += 1; }), { peerSource: new LinuxPeerSource() });
    // The client connects, writes and dies while this turn still runs: the accept comes later.
    const { spawnSync } = await import('node:child_process');
    const script = `const s = require('node:net').connect(${JSON.stringify(harness.path)}, () => s.write('early', () => process.kill(process.pid, 'SIGKILL')))`;
    const before = pidfds();
    const died = spawnSync(process.execPath, ['-e', script]);
    assert.equal(died.signal, 'SIGKILL');
    harness.admitted.add(died.pid);
    await until(() => harness.records.length === 1);
    const [{ decision }] = harness.records as [(typeof harness.records)[number]];
    assert.deepEqual([decision.effect, decision.cause, decision.code, arrived], ['deny', 'peer-lost', 'peer-exited', 0]);
    assert.equal(pidfds(), before);
  });
});
