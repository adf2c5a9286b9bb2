import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { LinuxAttestor } from '@portcullis/attestor-linux';
import { socketFd, type Attestor, type Gate, type GateOptions, type Policy } from '@portcullis/core';
import { allowUids, fakeDefinition, findingsOf, hasValue, stubPolicy } from '@portcullis/core/testing';
import { requireRoot } from '@portcullis/testkit';
import { Harness, needLinux, until } from './support/harness.js';
import { CrowdProcess } from './support/processes.js';

const [ANN, BEN] = [1234, 1235] as const;

describe('the gate and peers of several users', function () {
  let harness: Harness;
  let arrived: Socket[];
  const crowds: CrowdProcess[] = [];
  before(function () {
    needLinux(this);
    requireRoot(this, 'only root can start processes of other users');
  });
  beforeEach(() => {
    harness = new Harness();
    arrived = [];
  });
  afterEach(async () => {
    for (const crowd of crowds.splice(0)) crowd.kill();
    await harness.close();
  });

  function crowd(uid: number): CrowdProcess {
    const started = new CrowdProcess(harness.path, uid);
    crowds.push(started);
    return started;
  }

  async function serve(options: Partial<GateOptions>): Promise<Gate> {
    const gate = await harness.gate(options);
    const server = createServer((socket) => {
      arrived.push(socket);
      socket.on('error', () => undefined).resume().write('w');
    });
    await gate.listen(server, { path: harness.path, mode: 0o666 });
    return gate;
  }

  it('admits the one user and refuses the other, by what the kernel says', async () => {
    await serve({ policy: allowUids(ANN) });
    const [ann, ben] = await Promise.all([crowd(ANN).tell({ open: 20 }), crowd(BEN).tell({ open: 20 })]);
    assert.deepEqual([ann, ben, arrived.length], [{ welcomed: 20, ended: 0 }, { welcomed: 0, ended: 20 }, 20]);
    await until(() => harness.records.length === 40);
    const uids = harness.records.map(({ peer, decision }) => `${String(peer?.uid)} ${decision.effect}`);
    assert.deepEqual([...new Set(uids)].sort(), [`${String(ANN)} allow`, `${String(BEN)} deny`]);
  });

  it('lets no user\'s waiting admissions take the places of another\'s (T20)', async () => {
    /** Never answers for the one user, and late for the others. */
    const slow: Attestor = {
      name: 'slow',
      selectors: [fakeDefinition('test:slow')],
      attest: (peer) => (peer.credentials.uid === ANN ? new Promise(() => undefined) : new Promise((resolve) => setImmediate(resolve, findingsOf({ 'test:slow': 1 })))),
    };
    const policy = stubPolicy({ keys: ['unix:uid', 'test:slow'], allow: (evidence) => hasValue(evidence, 'test:slow', () => true) });
    const gate = await serve({ policy, attestors: [new LinuxAttestor(), slow], maxPendingPerUid: 5, maxPending: 1000, deadlineMs: 3_600_000 });
    const flood = crowd(ANN).tell({ open: 50 });
    await until(() => harness.records.length === 45);
    assert.deepEqual([...new Set(harness.records.map(({ decision }) => decision.code))], ['pending-limit-uid']);
    assert.equal(gate.load.pending, 5);
    for (let i = 0; i < 10; i += 1) assert.equal((await crowd(BEN).tell({ open: 1 })).welcomed, 1);
    await gate.close({ drainMs: 0 });
    assert.deepEqual(await flood, { welcomed: 0, ended: 50 });
    assert.equal(harness.records.filter(({ decision }) => decision.cause === 'closing').length, 5);
  });

  it('refuses a flood of one user before anything is asked of its processes, and serves another meanwhile (T20)', async () => {
    const asked: number[] = [];
    const attestor: Attestor = {
      name: 'counting',
      selectors: [fakeDefinition('test:asked')],
      attest: (peer) => { asked.push(peer.credentials.uid); return findingsOf({ 'test:asked': 1 }); },
    };
    const policy = stubPolicy({ keys: ['test:asked'], allow: (evidence) => hasValue(evidence, 'test:asked', () => true) });
    await serve({ policy, attestors: [attestor], ratePerUid: { perSecond: 1e-6, burst: 10 } });
    const flood = crowd(ANN).tell({ open: 2000 });
    await until(() => harness.records.length > 0);
    for (let i = 0; i < 10; i += 1) assert.equal((await crowd(BEN).tell({ open: 1 })).welcomed, 1);
    assert.deepEqual(await flood, { welcomed: 10, ended: 1990 });
    assert.deepEqual([ANN, BEN].map((uid) => asked.filter((one) => one === uid).length), [10, 10]);
    const refused = harness.records.filter(({ admitted }) => !admitted);
    assert.deepEqual([...new Set(refused.map(({ peer, decision }) => `${String(peer?.uid)} ${String(decision.code)}`))], [`${String(ANN)} rate-limit-uid`]);
  });

  it('never takes what another connection says for the record of one that is closed: its descriptor\'s number is used again', async () => {
    // The record asks for something slow, then for something of the socket: by then the number is another connection's.
    const releases: (() => void)[] = [];
    const late: Attestor = {
      name: 'late',
      selectors: [fakeDefinition('test:late')],
      attest: () => new Promise((resolve) => { releases.push(() => { resolve(findingsOf({ 'test:late': 1 })); }); }),
    };
    const wantedByShadow: Policy['wantedByShadow'] = (evidence) =>
      new Set(!evidence.has('test:late') ? ['test:late' as const] : evidence.has('unix:supplementary_gid') ? [] : ['unix:supplementary_gid' as const]);
    await serve({ policy: { ...allowUids(ANN, BEN), wantedByShadow }, attestors: [new LinuxAttestor(), late], deadlineMs: 3_600_000 });
    // Both start first: a process that starts takes numbers of its own.
    const [ann, ben] = [crowd(ANN), crowd(BEN)];
    await ben.tell({});
    await ann.tell({ open: 1 });
    await until(() => releases.length === 1);
    const number = socketFd(arrived[0]!);
    const closed = new Promise((resolve) => arrived[0]!.once('close', resolve));
    arrived[0]!.destroy();
    await closed;
    while (socketFd(arrived.at(-1)!) !== number) await ben.tell({ open: 1 });
    releases[0]?.();
    await until(() => harness.records.length === 1);
    const [{ peer, evidence }] = harness.records as [(typeof harness.records)[number]];
    // The other user has no supplementary groups: a look at the number would have said absent.
    assert.deepEqual([peer?.uid, evidence.get('unix:supplementary_gid')?.state], [ANN, 'unknown']);
    for (const release of releases) release();
    await until(() => harness.records.length > 1);
    assert.deepEqual([harness.records[1]?.peer?.uid, harness.records[1]?.evidence.get('unix:supplementary_gid')?.state], [BEN, 'absent']);
  });

  it('asks the kernel nothing more of a connection that the application closed at once', async () => {
    const gate = await harness.gate({ policy: allowUids(ANN), collect: ['unix:supplementary_gid', 'linux:pin'] });
    await gate.listen(createServer((socket) => { socket.destroy(); }), { path: harness.path, mode: 0o666 });
    await crowd(ANN).tell({ open: 1 });
    await until(() => harness.records.length === 1);
    const [{ decision, evidence }] = harness.records as [(typeof harness.records)[number]];
    assert.deepEqual([decision.effect, evidence.get('unix:supplementary_gid')?.state, evidence.get('linux:pin')?.state], ['allow', 'unknown', 'unknown']);
  });
});
