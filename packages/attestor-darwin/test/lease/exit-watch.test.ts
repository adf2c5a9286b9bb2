import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Pid } from '@portcullis/core';
import { ExitWatch } from '../../dist/lease/exit-watch.js';
import type { Libc } from '../../dist/ffi/libc.js';
import { anyLibc } from '../support/any-libc.js';
import { puppet } from '../support/compile.js';
import { needStandIn } from '../support/features.js';
import { Stage } from '../support/stage.js';
import { QUESTION, StandIn } from '../support/standin.js';

describe('attestor-darwin: the watch over exits', () => {
  let libc: Libc;
  let stage: Stage;
  let watch: ExitWatch;
  let heard: string[];
  before(function () { libc = anyLibc(this); });
  beforeEach(async () => {
    stage = await Stage.open();
    watch = new ExitWatch({ libc, intervalMs: 3_600_000 });
    heard = [];
  });
  afterEach(() => { watch.close(); stage.close(); });

  const hear = (who: string) => (): void => { heard.push(`${who} exited`); };

  it('tells once, everybody who asked, that a process exited', async () => {
    const peer = await stage.start();
    watch.watch(peer.pid as Pid, hear('one'));
    watch.watch(peer.pid as Pid, hear('other'));
    watch.look();
    assert.deepEqual(heard, []);
    await peer.last('quit');
    watch.look();
    watch.look();
    assert.deepEqual(heard, ['one exited', 'other exited']);
  });

  it('stays silent when a process runs another program: it is the same process', async () => {
    const peer = await stage.start();
    watch.watch(peer.pid as Pid, hear('one'));
    await peer.tell(`exec ${puppet('other-puppet')}`);
    watch.look();
    assert.deepEqual(heard, []);
    await peer.last('quit');
    watch.look();
    assert.deepEqual(heard, ['one exited']);
  });

  it('tells of a process that was gone before it was watched, and not from within the call', async () => {
    const peer = await stage.start();
    await peer.last('quit');
    watch.watch(peer.pid as Pid, hear('one'));
    assert.deepEqual(heard, []);
    watch.look();
    assert.deepEqual(heard, ['one exited']);
  });

  it('tells nobody who does not want to know any more', async () => {
    const peer = await stage.start();
    const [one, other] = [hear('one'), hear('other')];
    watch.watch(peer.pid as Pid, one);
    watch.watch(peer.pid as Pid, other);
    watch.unwatch(peer.pid as Pid, one);
    watch.unwatch(peer.pid as Pid, one);
    await peer.last('quit');
    watch.look();
    assert.deepEqual(heard, ['other exited']);
    const third = await stage.start();
    watch.watch(third.pid as Pid, one);
    watch.unwatch(third.pid as Pid, one);
    await third.last('quit');
    watch.look();
    assert.deepEqual(heard, ['other exited']);
  });

  it('looks by itself, and does not keep the process for it', async () => {
    const quick = new ExitWatch({ libc, intervalMs: 5 });
    const peer = await stage.start();
    const told = new Promise<void>((resolve) => { quick.watch(peer.pid as Pid, resolve); });
    await peer.last('quit');
    const keeps = setInterval(() => undefined, 1000);
    await told;
    clearInterval(keeps);
    quick.close();
  });

  it('ends every lease when the queue cannot be read, and gives none without a queue (I2)', async function () {
    needStandIn(this);
    const standIn = new StandIn();
    const peer = await stage.start();
    watch.watch(peer.pid as Pid, hear('one'));
    standIn.fail(QUESTION.KEVENT, 'EBADF');
    watch.look();
    assert.deepEqual(heard, ['one exited']);
    assert.throws(() => { watch.watch(peer.pid as Pid, hear('two')); }, { code: 'LEASE_WATCH' });
    standIn.fail(QUESTION.KQUEUE, 'EMFILE');
    const without = new ExitWatch({ libc: standIn.libc });
    assert.throws(() => { without.watch(peer.pid as Pid, hear('three')); }, { code: 'LEASE_WATCH' });
    standIn.honest();
    watch.look();
    assert.deepEqual(heard, ['one exited']);
  });

  it('watches many, and forgets what it was closed with', async () => {
    const peers = await Promise.all(Array.from({ length: 8 }, () => stage.start()));
    for (const { pid } of peers) watch.watch(pid as Pid, hear(String(pid)));
    for (const { child } of peers.slice(0, 4)) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    watch.look();
    assert.deepEqual(heard.sort(), peers.slice(0, 4).map(({ pid }) => `${String(pid)} exited`).sort());
    watch.close();
    watch.look();
    assert.equal(heard.length, 4);
  });
});
