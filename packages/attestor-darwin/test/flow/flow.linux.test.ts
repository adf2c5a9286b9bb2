import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chownSync, copyFileSync, readFileSync } from 'node:fs';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import type { Fd, SelectorKey } from '@portcullis/core';
import { DARWIN_SELECTORS } from '@portcullis/attestor-darwin';
import { Lsof } from '../../dist/lsof/lsof.js';
import { xucredBytes } from '../structures.js';
import { puppet } from '../support/compile.js';
import { LSOF, needLsof, needRoot, needStandIn } from '../support/features.js';
import { attest, brief, connectionOf, DarwinAttestor, DarwinPeerSource, opened, refused, Stage } from '../support/stage.js';
import { QUESTION, StandIn } from '../support/standin.js';

const SOMEBODY = 1234;

describe('attestor-darwin: the whole flow, through a stand-in for libSystem', () => {
  let standIn: StandIn;
  let stage: Stage;
  let source: DarwinPeerSource;
  let attestor: DarwinAttestor;
  before(function () { needStandIn(this); standIn = new StandIn(); });
  beforeEach(async () => {
    stage = await Stage.open();
    source = new DarwinPeerSource({ libc: standIn.libc });
    attestor = new DarwinAttestor({ lsof: { path: LSOF } });
  });
  afterEach(async () => {
    standIn.honest();
    stage.close();
    await attestor.close();
  });

  it('finds out at start what the system offers', () => {
    assert.deepEqual(source.capabilities, { peerToken: true, pidPath: true, codeSigning: true, validationCategory: true });
    assert.ok((source.descriptorUse()?.limit ?? 0) >= (source.descriptorUse()?.used ?? 0));
  });

  it('opens a peer by what is frozen at connect, without a pin', async () => {
    const { puppet: peer, socket } = await stage.connected();
    const held = opened(source.open(connectionOf(socket)));
    assert.deepEqual(held.credentials, { pid: peer.pid, uid: process.geteuid?.(), gid: process.getegid?.() });
    assert.equal(held.pin, 'unpinned');
    assert.equal(held.verify(), undefined);
  });

  it('answers every key of the catalogue of an honest peer, and verifies it', async function () {
    needLsof(this);
    const { socket } = await stage.connected();
    const held = opened(source.open(connectionOf(socket)));
    const findings = await attest(attestor, held, ...DARWIN_SELECTORS.map(({ key }) => key));
    const said = Object.fromEntries([...findings].map(([key, finding]) => [key, brief(finding)]));
    const uid = String(process.geteuid?.());
    const gid = String(process.getegid?.());
    assert.match(said['darwin:cdhash'] ?? '', /^present [0-9a-f]{40}$/);
    assert.match(said['unix:user'] ?? '', /^present /);
    assert.match(said['unix:group'] ?? '', /^present /);
    for (const key of ['darwin:cdhash', 'unix:user', 'unix:group', 'unix:supplementary_gid', 'unix:supplementary_group']) Reflect.deleteProperty(said, key);
    assert.deepEqual(said, {
      'unix:uid': `present ${uid}`,
      'unix:gid': `present ${gid}`,
      'unix:same-uid': 'present true',
      'darwin:real-uid': `present ${uid}`,
      'darwin:real-gid': `present ${gid}`,
      'darwin:login-uid': 'absent',
      'darwin:audit-session': 'present 100003',
      'unix:path': `present ${puppet()}`,
      'darwin:signature': 'present adhoc',
      'darwin:validation-category': 'present none',
      'darwin:team-id': 'absent',
      'darwin:signing-id': 'present stand-in',
      'darwin:platform-binary': 'present false',
      'darwin:hardened-runtime': 'present false',
      'darwin:get-task-allow': 'present false',
      'darwin:debugged': 'present false',
      'unix:sha256': `present ${createHash('sha256').update(readFileSync(puppet())).digest('hex')}`,
      'darwin:lsof-path': `present ${puppet()}`,
    });
    assert.equal(held.pin, 'audit-token');
    assert.equal(held.verify(), undefined);
  });

  it('takes the ids from what was frozen at connect, and the groups behind the first', async function () {
    needRoot(this);
    const { socket } = await stage.connected({ uid: SOMEBODY });
    const findings = await attest(attestor, opened(source.open(connectionOf(socket))), 'unix:uid', 'unix:gid', 'unix:same-uid', 'unix:supplementary_gid');
    assert.deepEqual([...findings.values()].map(brief), ['present 1234', 'present 1234', 'present false', 'absent']);
  });

  it('sorts the groups, and says unknown of a list that the kernel may have cut (I4)', async () => {
    const { socket } = await stage.connected();
    standIn.answer(QUESTION.PEERCRED, xucredBytes({ groups: [20, 701, 12, 80, 12] }));
    const some = opened(source.open(connectionOf(socket)));
    assert.equal(brief((await attest(attestor, some, 'unix:supplementary_gid')).get('unix:supplementary_gid')), 'present 12 80 701');
    standIn.answer(QUESTION.PEERCRED, xucredBytes({ groups: Array.from({ length: 16 }, (_, index) => index) }));
    const full = opened(source.open(connectionOf(socket)));
    for (const finding of (await attest(attestor, full, 'unix:supplementary_gid', 'unix:supplementary_group')).values()) assert.equal(brief(finding), 'unknown limit');
  });

  it('rates the digest by who could have replaced the file since it was run', async function () {
    needRoot(this);
    const mine = join(stage.folder, 'of-somebody');
    copyFileSync(puppet(), mine);
    chownSync(mine, SOMEBODY, SOMEBODY);
    const { socket } = await stage.connected({ program: mine });
    const digest = (await attest(attestor, opened(source.open(connectionOf(socket))), 'unix:sha256')).get('unix:sha256');
    assert.ok(digest?.state === 'present');
    assert.equal(digest.tier, 'heuristic');
  });

  it('T20: runs lsof no more often than it may, and once for all connections of a process', async function () {
    needLsof(this);
    const open = async () => opened(source.open(connectionOf((await stage.connected()).socket)));
    const [one, other] = [await open(), await open()];
    const lsof = new Lsof({ path: LSOF, mostRunning: 1 });
    const [first, again, further] = [lsof.executable(one), lsof.executable(one), lsof.executable(other)];
    assert.equal(again, first);
    assert.equal(brief(await further), 'unknown limit');
    assert.equal(brief(await first), `present ${puppet()}`);
    assert.equal(brief(await lsof.executable(other)), `present ${puppet()}`); // there is room again
  });

  describe('refuses to open', () => {
    it('T14: what is no descriptor, no Unix socket, no stream, or not connected', async () => {
      const tcp = createServer().listen(0, '127.0.0.1');
      await once(tcp, 'listening');
      const listening = createServer().listen(join(stage.folder, 'other'));
      await once(listening, 'listening');
      try {
        assert.equal(refused(source.open({ fd: undefined, origin: undefined })).refused, 'no-descriptor');
        assert.equal(refused(source.open({ fd: 1_000_000 as Fd, origin: undefined })).refused, 'no-descriptor');
        assert.equal(refused(source.open(connectionOf(tcp))).refused, 'socket-not-unix');
        assert.equal(refused(source.open(connectionOf(listening))).refused, 'socket-not-connected');
        const datagram = standIn.libc.socket(1, 2, 0) as Fd;
        assert.equal(refused(source.open({ fd: datagram, origin: undefined })).refused, 'socket-not-stream');
        standIn.libc.close(datagram);
      } finally {
        tcp.close();
        listening.close();
      }
    });

    it('T15: a connection of this very process, unless it is allowed', async () => {
      const client = connect(stage.socketPath);
      const socket = await stage.accepted();
      assert.equal(refused(source.open(connectionOf(socket))).refused, 'self-connection');
      opened(new DarwinPeerSource({ libc: standIn.libc, self: 'allow' }).open(connectionOf(socket)));
      client.destroy();
    });

    it('a client that is gone already: nobody can say which process it was (I7)', async () => {
      const { puppet: peer, socket } = await stage.connected();
      await peer.tell('close');
      const { refused: code, credentials } = refused(source.open(connectionOf(socket)));
      assert.equal(code, 'peer-exited');
      assert.deepEqual(credentials, { pid: 0, uid: process.geteuid?.(), gid: process.getegid?.() });
    });

    for (const [title, bytes, code] of [
      ['of another version', xucredBytes({ version: 1 }), 'credentials-invalid'],
      ['that is too short', xucredBytes({}).subarray(0, 72), 'credentials-invalid'],
      ['that is too long', Buffer.concat([xucredBytes({}), Buffer.alloc(4)]), 'credentials-invalid'],
      ['without a group', xucredBytes({ groups: [] }), 'credentials-invalid'],
      ['with an id that no process has', xucredBytes({ uid: 0xffff_ffff }), 'credentials-invalid'],
    ] as const) {
      it(`a LOCAL_PEERCRED ${title}`, async () => {
        const { socket } = await stage.connected();
        standIn.answer(QUESTION.PEERCRED, bytes);
        assert.equal(refused(source.open(connectionOf(socket))).refused, code);
      });
    }

    it('a pid of another size, and one that is none', async () => {
      const { socket } = await stage.connected();
      standIn.answer(QUESTION.PEERPID, Buffer.alloc(2));
      assert.equal(refused(source.open(connectionOf(socket))).refused, 'pin-failed');
      standIn.answer(QUESTION.PEERPID, Buffer.alloc(4));
      assert.equal(refused(source.open(connectionOf(socket))).refused, 'pid-invisible');
    });
  });

  describe('before macOS 11', () => {
    const KEYS: SelectorKey[] = ['unix:path', 'unix:sha256', 'darwin:lsof-path'];
    it('takes the path from lsof, which is worth less, and has no digest', async function () {
      needLsof(this);
      const older = new StandIn('before-macos-11');
      const { socket } = await stage.connected();
      const olderSource = new DarwinPeerSource({ libc: older.libc });
      assert.equal(olderSource.capabilities.pidPath, false);
      const held = opened(olderSource.open(connectionOf(socket)));
      const findings = await attest(attestor, held, ...KEYS);
      assert.deepEqual(KEYS.map((key) => brief(findings.get(key))), [`present ${puppet()}`, 'unknown kernel-unsupported', `present ${puppet()}`]);
      const path = findings.get('unix:path');
      assert.equal(path?.state === 'present' && path.tier, 'heuristic');
      assert.equal(held.verify(), undefined);
    });
  });
});
