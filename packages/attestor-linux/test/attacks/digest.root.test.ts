import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { getEventListeners } from 'node:events';
import { appendFileSync, readFileSync, realpathSync, statSync, truncateSync } from 'node:fs';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Finding } from '@portcullis/core';
import { mebibytes } from '@portcullis/testkit';
import { LinuxAttestor, LinuxPeer } from '@portcullis/attestor-linux';
import { Attesting, connectionOf } from '../support/attesting.js';
import { compiled } from '../support/compile.js';
import { contentOpened } from '../support/content-opened.js';
import { descriptorLinks, openDescriptors } from '../support/descriptors.js';
import { needAttacks, needProgram, SOMEBODY } from '../support/features.js';
import { onStage } from '../support/on-stage.js';
import type { Stage } from '../support/stage.js';

const SOCAT = '/usr/bin/socat';
const KEY = 'unix:sha256';

describe('T17: the digest as denial of service', () => {
  let stage: Stage;
  let attesting: Attesting;
  before(function () { needAttacks(this); });
  onStage((...made) => { [stage, attesting] = made; });

  it('T17: a file that is known is not read again', async function () {
    needProgram(this, SOCAT);
    const connectSocat = async () => {
      stage.start(SOCAT, ['-u', `UNIX-CONNECT:${stage.socketPath}`, '-'], { uid: SOMEBODY });
      return stage.accepted();
    };
    const first = await attesting.look(await connectSocat(), [KEY]);
    const opened = await contentOpened(async () => {
      const second = await attesting.look(await connectSocat(), [KEY]);
      assert.equal(second.value(KEY), first.value(KEY));
    });
    assert.deepEqual([first.value(KEY), opened], [digestOf(SOCAT), 0]);
  });

  it('T17: fifty peers of one program cost one read', async () => {
    const program = stage.install(compiled('puppet'), 'git');
    const sockets: Socket[] = [];
    for (let count = 0; count < 50; count += 1) sockets.push((await stage.connectedPuppet({ program, uid: SOMEBODY })).socket);
    const opened = await contentOpened(async () => {
      const looks = await Promise.all(sockets.map((socket) => attesting.look(socket, [KEY])));
      assert.deepEqual(new Set(looks.map((look) => look.value(KEY))), new Set([digestOf(program)]));
    });
    assert.equal(opened, 1);
  });

  it('T17: a file that changed has a new digest at the next connection', async () => {
    const program = stage.install(compiled('puppet'), 'git');
    const before = await stage.connectedPuppet({ program, uid: SOMEBODY });
    const first = await attesting.look(before.socket, [KEY]);
    await before.puppet.kill();
    appendFileSync(program, 'x');
    const after = await stage.connectedPuppet({ program, uid: SOMEBODY });
    const second = await attesting.look(after.socket, [KEY]);
    assert.notEqual(first.value(KEY), second.value(KEY));
    assert.equal(second.value(KEY), digestOf(program));
  });

  it('T17: a file that was written a moment ago is read again: its times cannot tell the next write', async () => {
    const program = stage.install(compiled('puppet'), 'git');
    const { socket } = await stage.connectedPuppet({ program, uid: SOMEBODY });
    const now = Date.now.bind(Date);
    try {
      Date.now = () => statSync(program).ctimeMs + 1000;
      await attesting.look(socket, [KEY]);
      assert.equal(await contentOpened(() => attesting.look(socket, [KEY])), 1);
      Date.now = () => statSync(program).ctimeMs + 3000;
      await attesting.look(socket, [KEY]);
      assert.equal(await contentOpened(() => attesting.look(socket, [KEY])), 0);
    } finally {
      Date.now = now;
    }
  });

  it('T4: nobody joins the digest of a file that was written a moment ago: another write may leave the same times', async () => {
    const program = stage.install(compiled('puppet'), 'large');
    truncateSync(program, mebibytes(64));
    const one = await stage.connectedPuppet({ program, uid: SOMEBODY });
    const two = await stage.connectedPuppet({ program, uid: SOMEBODY });
    const now = Date.now.bind(Date);
    const opened = async (laterMs: number): Promise<number> => {
      Date.now = () => statSync(program).ctimeMs + laterMs;
      return contentOpened(() => Promise.all([attesting.look(one.socket, [KEY]), attesting.look(two.socket, [KEY])]));
    };
    try {
      assert.deepEqual([await opened(50), await opened(1000)], [2, 1]);
    } finally {
      Date.now = now;
    }
  });

  it('T17: a program beyond the cap has no digest, and says that a limit was reached', async () => {
    const attestor = new LinuxAttestor({ digests: { mostBytes: statSync(compiled('puppet')).size - 1 } });
    const capped = new Attesting({ attestor });
    const { socket } = await stage.connectedPuppet({ uid: SOMEBODY });
    const look = await capped.look(socket, [KEY, 'unix:path']);
    assert.deepEqual([look.state(KEY), look.value('unix:path')], ['unknown limit', compiled('puppet')]);
    await capped.close();
  });

  it('T17: the event loop turns while a large program is read', async () => {
    const program = stage.install(compiled('puppet'), 'large');
    truncateSync(program, mebibytes(100));
    const { socket } = await stage.connectedPuppet({ program, uid: SOMEBODY });
    let turns = 0;
    let running = true;
    const turn = (): void => {
      turns += 1;
      if (running) setImmediate(turn);
    };
    setImmediate(turn);
    const look = await attesting.look(socket, [KEY]);
    running = false;
    assert.equal(look.value(KEY), digestOf(program));
    assert.ok(turns > 10, String(turns));
  });

  it('T17: a program that is written while it is read has no digest', async () => {
    const program = stage.install(compiled('puppet'), 'large');
    truncateSync(program, mebibytes(64));
    const { puppet, socket } = await stage.connectedPuppet({ program, uid: SOMEBODY });
    const looking = attesting.look(socket, [KEY]);
    await puppet.tell(`exec ${compiled('puppet')}`); // so that the file may be written
    appendFileSync(program, 'x');
    const look = await looking;
    assert.equal(look.refused, 'peer-changed');
  });

  it('T17: a peer that is gone does not end the digest that others wait for', async () => {
    const program = stage.install(compiled('puppet'), 'large');
    truncateSync(program, mebibytes(64));
    const one = await stage.connectedPuppet({ program, uid: SOMEBODY });
    const two = await stage.connectedPuppet({ program, uid: SOMEBODY });
    const looking = [attesting.look(one.socket, [KEY]), attesting.look(two.socket, [KEY])] as const;
    await one.puppet.kill();
    assert.equal((await looking[0]).refused, 'peer-exited');
    assert.equal((await looking[1]).value(KEY), digestOf(realpathSync(program)));
  });

  describe('a flood of large programs', () => {
    const OTHER = SOMEBODY + 1;
    const peers: LinuxPeer[] = [];
    const asked: AbortController[] = [];
    let small: LinuxPeer;
    beforeEach(async () => {
      small = await pinned(compiled('puppet'), OTHER);
      assert.equal(stateOf(await ask(small).answer), 'present'); // the thread is there, with descriptors of its own
    });
    afterEach(() => {
      for (const controller of asked.splice(0)) controller.abort();
      for (const peer of peers.splice(0)) peer.close();
    });

    /** A program of its own, sparse. */
    function large(name: string): string {
      const program = stage.install(compiled('puppet'), name);
      truncateSync(program, mebibytes(1000));
      return program;
    }

    /** A peer whose image was looked at: nothing but its content is still to be opened. */
    async function pinned(program: string, uid: number): Promise<LinuxPeer> {
      const { socket } = await stage.connectedPuppet({ program, uid });
      const peer = attesting.source.open(connectionOf(socket));
      assert.ok(peer instanceof LinuxPeer);
      peers.push(peer);
      await attesting.attestor.attest(peer, new Set(['unix:path']));
      return peer;
    }

    async function pinnedLarge(count: number, uid: number): Promise<LinuxPeer[]> {
      const made: LinuxPeer[] = [];
      for (let nth = 0; nth < count; nth += 1) made.push(await pinned(large(`large-${String(uid)}-${String(nth)}`), uid));
      return made;
    }

    function ask(peer: LinuxPeer, attestor = attesting.attestor): { readonly answer: Promise<Finding | undefined>; readonly controller: AbortController } {
      const controller = new AbortController();
      asked.push(controller);
      const findings = attestor.attest(peer, new Set([KEY]), controller.signal);
      return { controller, answer: Promise.resolve(findings).then((found) => found.get(KEY)) };
    }

    async function descriptorsAre(count: number): Promise<void> {
      for (let tries = 0; openDescriptors() !== count && tries < 100; tries += 1) await sleep(10);
      assert.equal(openDescriptors(), count, descriptorLinks().join(' '));
    }

    it('T20: a user\'s ninth program has no digest, and another user is served after one of the eight at most', async () => {
      const fresh = await pinned(stage.install(compiled('puppet'), 'fresh'), OTHER);
      const all = await pinnedLarge(9, SOMEBODY);
      const before = openDescriptors();
      const flood = all.map((peer) => ask(peer));
      assert.equal(openDescriptors(), before + 8);
      assert.equal(stateOf(await flood[8]!.answer), 'unknown limit');
      let answered = 0;
      for (const { answer } of flood.slice(0, 8)) void answer.then(() => { answered += 1; });
      assert.equal(stateOf(await ask(fresh).answer), 'present');
      assert.ok(answered <= 1, String(answered));
      for (const { controller } of flood) controller.abort();
      assert.deepEqual(new Set((await Promise.all(flood.slice(1, 8).map(({ answer }) => answer))).map(stateOf)), new Set(['unknown timeout']));
      await descriptorsAre(before);
      const again = ask(all[8]!); // there is room again
      assert.equal(openDescriptors(), before + 1);
      again.controller.abort();
      await descriptorsAre(before);
    });

    it('T20: many users together open no more than the cap of all', async () => {
      const capped = new LinuxAttestor({ digests: { mostOpen: 2 } });
      const [one, two, three] = [...await pinnedLarge(1, SOMEBODY), ...await pinnedLarge(1, OTHER), ...await pinnedLarge(1, OTHER + 1)] as [LinuxPeer, LinuxPeer, LinuxPeer];
      const waiting = [ask(one, capped), ask(two, capped)];
      assert.equal(stateOf(await ask(three, capped).answer), 'unknown limit');
      await capped.close();
      assert.deepEqual((await Promise.all(waiting.map(({ answer }) => answer))).map(stateOf), ['unknown system-error', 'unknown system-error']);
    });

    it('T17: a user who spent the bytes of a minute has no further digest, and another user is served', async () => {
      const attestor = new LinuxAttestor({ digests: { mostBytesPerUid: mebibytes(1500) } });
      const [one, two] = await pinnedLarge(2, SOMEBODY) as [LinuxPeer, LinuxPeer];
      const now = performance.now.bind(performance);
      const atMs = now();
      try {
        performance.now = () => atMs; // a slow machine reads for longer than it takes to have bytes to spend again
        const first = ask(one, attestor);
        assert.equal(stateOf(await ask(two, attestor).answer), 'unknown limit');
        assert.equal(stateOf(await ask(small, attestor).answer), 'present');
        first.controller.abort();
        await first.answer;
        assert.equal(stateOf(await ask(two, attestor).answer), 'unknown limit'); // begun is spent
      } finally {
        performance.now = now;
        await attestor.close();
      }
    });

    it('T17: what was never read is not spent', async () => {
      const attestor = new LinuxAttestor({ digests: { mostBytesPerUid: mebibytes(2500) } });
      const [running, queued, third] = await pinnedLarge(3, SOMEBODY) as [LinuxPeer, LinuxPeer, LinuxPeer];
      const first = ask(running, attestor);
      const second = ask(queued, attestor);
      assert.equal(stateOf(await ask(third, attestor).answer), 'unknown limit');
      second.controller.abort();
      const again = ask(third, attestor);
      again.controller.abort();
      assert.equal(stateOf(await again.answer), 'unknown timeout');
      first.controller.abort();
      await attestor.close();
    });

    it('T20: no more bytes wait than the cap of all', async () => {
      const attestor = new LinuxAttestor({ digests: { mostBytesOpen: mebibytes(1500) } });
      const [one, two] = [...await pinnedLarge(1, SOMEBODY), ...await pinnedLarge(1, OTHER)] as [LinuxPeer, LinuxPeer];
      const first = ask(one, attestor);
      assert.equal(stateOf(await ask(two, attestor).answer), 'unknown limit');
      assert.equal(stateOf(await ask(small, attestor).answer), 'present');
      first.controller.abort();
      await attestor.close();
    });

    it('T20: what waits is dropped at once when its last asker aborts, not before', async () => {
      const [running, queued] = await pinnedLarge(2, SOMEBODY) as [LinuxPeer, LinuxPeer];
      await sleep(150); // nobody joins what was written within a tenth of a second
      const before = openDescriptors();
      const first = ask(running);
      const askers = [ask(queued), ask(queued), ask(queued)] as const;
      assert.equal(openDescriptors(), before + 2);
      askers[0].controller.abort();
      askers[1].controller.abort();
      assert.deepEqual([stateOf(await askers[0].answer), openDescriptors()], ['unknown timeout', before + 2]);
      askers[2].controller.abort();
      assert.equal(openDescriptors(), before + 1);
      first.controller.abort();
      await descriptorsAre(before);
    });

    it('T20: a read that nobody waits for any more stops, and who asks later begins anew', async () => {
      const [peer] = await pinnedLarge(1, SOMEBODY) as [LinuxPeer];
      const before = openDescriptors();
      const now = Date.now.bind(Date);
      try {
        Date.now = () => now() + 3_600_000; // else nothing so new would be kept
        const first = ask(peer);
        await sleep(50);
        first.controller.abort();
        const second = ask(peer);
        assert.deepEqual([stateOf(await first.answer), openDescriptors()], ['unknown timeout', before + 2]);
        second.controller.abort();
        await descriptorsAre(before);
        assert.equal(await contentOpened(() => {
          const third = ask(peer);
          third.controller.abort();
          return third.answer;
        }), 1);
        await descriptorsAre(before);
      } finally {
        Date.now = now;
      }
    });

    it('T20: no listener stays with the signal, and none is added where nothing is waited for', async () => {
      const fresh = await pinned(stage.install(compiled('puppet'), 'fresh'), SOMEBODY);
      const { answer, controller } = ask(fresh);
      assert.equal(getEventListeners(controller.signal, 'abort').length, 1);
      assert.equal(stateOf(await answer), 'present');
      assert.equal(getEventListeners(controller.signal, 'abort').length, 0);
      const now = Date.now.bind(Date);
      try {
        Date.now = () => now() + 3_600_000; // so that it is kept
        await ask(fresh).answer;
        assert.equal(getEventListeners(ask(fresh).controller.signal, 'abort').length, 0);
      } finally {
        Date.now = now;
      }
    });
  });
});

function stateOf(finding: Finding | undefined): string | undefined {
  return finding?.state === 'unknown' ? `unknown ${finding.why}` : finding?.state;
}

function digestOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
