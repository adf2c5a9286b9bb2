import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HeldPeer } from '@portcullis/core';
import type { Libc } from '../../dist/ffi/libc.js';
import { exitWatch } from '../../dist/lease/exit-watch.js';
import { anyLibc } from '../support/any-libc.js';
import { puppet } from '../support/compile.js';
import { needStandIn } from '../support/features.js';
import { attest, connectionOf, DarwinAttestor, DarwinPeerSource, opened, Stage, type Puppet } from '../support/stage.js';
import { QUESTION, StandIn } from '../support/standin.js';

describe('attestor-darwin: the peer of a live connection', () => {
  let libc: Libc;
  let stage: Stage;
  let client: Puppet;
  let socket: Socket;
  let held: HeldPeer | undefined;
  let exits: number;
  const attestor = new DarwinAttestor();
  before(function () { libc = anyLibc(this); });
  beforeEach(async () => {
    stage = await Stage.open();
    ({ puppet: client, socket } = await stage.connected());
    exits = 0;
  });
  afterEach(() => { held?.close(); stage.close(); });
  after(async () => { await attestor.close(); });

  async function hold(how: { readonly pinned?: boolean; readonly image?: boolean; readonly libc?: Libc } = {}): Promise<HeldPeer> {
    const peer = opened(new DarwinPeerSource({ libc: how.libc ?? libc }).open(connectionOf(socket)));
    if (how.pinned === true) await attest(attestor, peer, 'unix:path');
    assert.equal(peer.verify(), undefined);
    held = peer.hold({ image: how.image ?? false });
    peer.close();
    return held;
  }

  const watch = (peer: HeldPeer): void => { peer.watch(() => { exits += 1; }); };

  it('is held beyond the close of the peer, and its exit is told once', async () => {
    const peer = await hold();
    watch(peer);
    assert.equal(peer.verify(), undefined);
    await client.last('orphan');
    exitWatch(libc).look();
    exitWatch(libc).look();
    assert.equal(exits, 1);
    assert.equal(peer.verify()?.refused, 'peer-exited');
    assert.equal(peer.isConnectionHeld(), true); // by its child
  });

  it('is told in a later turn where it was gone before it was watched', async () => {
    const peer = await hold();
    await client.last('orphan');
    watch(peer);
    assert.equal(exits, 0);
    await sleep(1);
    exitWatch(libc).look();
    assert.equal(exits, 1);
  });

  it('is not told of once it is closed', async () => {
    const peer = await hold();
    watch(peer);
    peer.close();
    peer.close();
    await client.last('orphan');
    exitWatch(libc).look();
    assert.equal(exits, 0);
    assert.equal(peer.verify()?.refused, 'lease-ended');
  });

  it('may run another program unless its image is held (T2, I7)', async () => {
    const loose = await hold({ pinned: true });
    const firm = await hold({ pinned: true, image: true });
    assert.equal(firm.verify(), undefined);
    await client.tell(`exec ${puppet('other-puppet')}`);
    assert.equal(loose.verify(), undefined);
    assert.equal(firm.verify()?.refused, 'peer-changed');
    loose.close();
  });

  it('says when nobody holds the other end any more', async () => {
    const peer = await hold();
    assert.equal(peer.isConnectionHeld(), true);
    await client.tell('close');
    assert.equal(peer.isConnectionHeld(), false);
  });

  it('is another process where the pid is the same and the unique id is not (T1)', async function () {
    needStandIn(this);
    const standIn = new StandIn();
    const peer = await hold({ libc: standIn.libc });
    standIn.answer(QUESTION.PIDINFO, Buffer.alloc(56, 7));
    assert.equal(peer.verify()?.refused, 'peer-exited');
    standIn.fail(QUESTION.PIDINFO, 'EPERM');
    assert.equal(peer.verify()?.refused, 'pin-failed');
    standIn.honest();
    assert.equal(peer.verify(), undefined);
  });

  it('throws where its exit cannot be watched (I2)', async function () {
    needStandIn(this);
    const standIn = new StandIn();
    const peer = await hold({ libc: standIn.libc });
    standIn.fail(QUESTION.KQUEUE, 'EMFILE');
    assert.throws(() => { watch(peer); }, { code: 'LEASE_WATCH' });
    standIn.honest();
    standIn.fail(QUESTION.PIDINFO, 'EPERM');
    const unseen = await hold({ libc: standIn.libc });
    assert.throws(() => { watch(unseen); }, { code: 'LEASE_WATCH' });
    standIn.honest();
  });
});
