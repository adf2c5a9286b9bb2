import assert from 'node:assert/strict';
import { fakeAttestor, fakeDefinition, stubPolicy, allowUids } from '@portcullis/core/testing';
import type { Findings, SelectorKey } from '@portcullis/core';
import { openDescriptors } from '../support/descriptors.js';
import { needProgram, needRoot, SOMEBODY } from '../support/features.js';
import { Receiving, type ReceivingOptions } from '../support/receiving.js';

const OTHER = SOMEBODY + 1;
const SLOW = 'test:slow' as SelectorKey;

describe('messages: limits (T20)', () => {
  let receiving: Receiving;
  before(function () { needRoot(this); needProgram(this, '/usr/bin/python3'); });
  afterEach(async () => { await receiving.close(); });

  /** A receiver whose policy waits for answers that `answer` gives, one after the other. */
  async function slow(options: ReceivingOptions = {}) {
    const waiting: ((findings: Findings) => void)[] = [];
    const attestor = fakeAttestor({ name: 'slow', selectors: [fakeDefinition(SLOW)], attest: () => new Promise<Findings>((resolve) => { waiting.push(resolve); }) });
    receiving = await Receiving.start(stubPolicy({ keys: [SLOW], allow: () => true }), { others: [attestor], ...options });
    const asked = async (count: number): Promise<void> => { while (waiting.length < count) await new Promise((resolve) => setTimeout(resolve, 5)); };
    return { waiting, asked, answer: () => waiting.shift()?.(new Map([[SLOW, { state: 'present', values: [1] }]])) };
  }

  it('refuses a message that is longer than the receiver takes, and hands on none of it', async () => {
    receiving = await Receiving.start(allowUids(0), { maxBytes: 8 });
    receiving.run('s.send(b"12345678")\ns.send(b"123456789")\ns.send(b"")');
    await receiving.settled(3);
    assert.deepEqual([receiving.texts, receiving.reasons], [['12345678', ''], ['message-truncated']]);
  });

  it('takes no more than a share of each turn of the event loop, however fast somebody sends', async () => {
    receiving = await Receiving.start(allowUids(0), { maxPerTurn: 8 });
    let most = 0;
    let before = 0;
    let turning = true;
    const turn = (): void => {
      most = Math.max(most, receiving.messages.length - before);
      before = receiving.messages.length;
      if (turning) setImmediate(turn);
    };
    setImmediate(turn);
    receiving.start('for n in range(4000): s.send(b"x")\nsys.stdin.readline()');
    await receiving.settled(4000);
    turning = false;
    assert.ok(most <= 16, String(most)); // an immediate of ours may see the end of one and the next
    assert.equal(receiving.messages.length, 4000);
  });

  it('keeps the messages of one sender in order, and does not let them wait for another\'s', async () => {
    const { waiting, asked, answer } = await slow();
    receiving.start('s.send(b"1")\ns.send(b"2")\ns.send(b"3")\nsys.stdin.readline()', { uid: SOMEBODY });
    await asked(1);
    receiving.start('s.send(b"other")\nsys.stdin.readline()', { uid: OTHER });
    await asked(2); // and no more: 2 and 3 wait behind 1
    waiting.reverse();
    for (let count = 1; count <= 4; count += 1) {
      await asked(1);
      answer();
      await receiving.settled(count);
    }
    assert.equal(receiving.texts[0], 'other');
    assert.deepEqual(receiving.texts.filter((text) => text !== 'other'), ['1', '2', '3']);
    await new Promise(setImmediate);
    assert.equal(receiving.receiver.pending, 0);
  });

  it('refuses what waits in too great a number, in all and of one user', async () => {
    const { asked } = await slow({ maxPending: 5, maxPendingPerUid: 3 });
    receiving.start('for n in range(5): s.send(b"x")\nsys.stdin.readline()', { uid: SOMEBODY });
    await receiving.settled(2);
    assert.deepEqual(receiving.reasons, ['pending-limit-uid', 'pending-limit-uid']);
    receiving.start('for n in range(3): s.send(b"x")\nsys.stdin.readline()', { uid: OTHER });
    await receiving.settled(3);
    assert.deepEqual(receiving.reasons.slice(2), ['pending-limit']);
    await asked(2);
    assert.equal(receiving.receiver.pending, 5);
  });

  it('refuses at the deadline, and what waits when it is closed', async () => {
    await slow({ deadlineMs: 50 });
    receiving.run('s.send(b"x")');
    await receiving.settled(1);
    await receiving.close();
    const { asked } = await slow();
    receiving.run('s.send(b"x")\ns.send(b"y")');
    await asked(1);
    await receiving.receiver.close();
    assert.deepEqual([receiving.reasons, receiving.texts, receiving.receiver.pending], [['closing', 'closing'], [], 0]);
  });

  it('asks the policy that is in force by then on a message that was allowed by the one before', async () => {
    const { asked, answer } = await slow();
    receiving.run('s.send(b"x")');
    await asked(1);
    await receiving.receiver.setPolicy(stubPolicy({ revision: '2', keys: [SLOW], allow: () => false }));
    answer();
    await receiving.settled(1);
    assert.deepEqual([receiving.texts, receiving.reasons], [[], ['default']]);
  });

  it('lets nobody in by a policy that wants more by then than was asked (I4)', async () => {
    const { asked, answer } = await slow();
    receiving.run('s.send(b"x")');
    await asked(1);
    await receiving.receiver.setPolicy(stubPolicy({ revision: '2', keys: [SLOW, 'unix:supplementary_gid'], allow: () => true }));
    answer();
    await receiving.settled(1);
    assert.deepEqual([receiving.texts, receiving.reasons], [[], ['unknown-evidence']]);
  });

  it('leaves messages in the kernel while it is paused: their senders are told', async () => {
    receiving = await Receiving.start(allowUids(0));
    receiving.receiver.pause();
    const said = receiving.run(`
s.setblocking(False)
sent = 0
try:
    while True: s.send(b"x"); sent += 1
except BlockingIOError: print(sent)`);
    assert.ok(Number(said) > 0 && receiving.messages.length === 0, said);
    receiving.receiver.resume();
    await receiving.settled(Number(said));
  });

  it('goes on after the application threw, and says so', async () => {
    receiving = await Receiving.start(allowUids(0));
    receiving.messages.push = (): number => { delete (receiving.messages as { push?: unknown }).push; throw new Error('of the application'); };
    receiving.run('s.send(b"x")\ns.send(b"y")');
    await receiving.settled(1);
    assert.deepEqual([receiving.texts, receiving.failures.map(String)], [['y'], ['Error: of the application']]);
  });

  it('keeps no descriptor after a thousand messages of admitted and refused senders', async () => {
    receiving = await Receiving.start(stubPolicy({ keys: ['unix:uid', 'linux:live-uid'], allow: (evidence) => (evidence.get('unix:uid') as { values?: readonly unknown[] }).values?.[0] === 0 }));
    receiving.run('s.send(b"first")');
    await receiving.settled(1);
    const before = openDescriptors();
    for (const uid of [0, SOMEBODY]) {
      const sending = receiving.start('for n in range(500): s.send(b"x")\nprint("sent", flush=True)\nsys.stdin.readline()', { uid });
      await sending.expect('sent');
      await receiving.settled(uid === 0 ? 501 : 1001);
      await sending.kill();
    }
    assert.equal(openDescriptors(), before);
  });
});
