import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import type { Socket } from 'node:net';
import type { SelectorKey } from '@portcullis/core';
import { Attesting } from '../support/attesting.js';
import { compiled } from '../support/compile.js';
import { needAttacks, needPeerPidFd, SOMEBODY } from '../support/features.js';
import { countCalls, countImageCalls, interceptCalls } from '../support/intercept.js';
import type { PeerProcess } from '../support/peer-process.js';
import { Stage } from '../support/stage.js';

/** Seen between two programs: the new one is not mapped yet, or its file was opened beside the memory of the old one. */
const MIDWAY: ReadonlySet<string> = new Set(['unknown foreign-code', 'unknown peer-changed']);
const PROGRAM: readonly SelectorKey[] = ['unix:path', 'unix:sha256', 'unix:image'];

describe('T2: a peer that runs another program', () => {
  let stage: Stage;
  let attesting: Attesting;
  let other: string;
  before(function () { needAttacks(this); });
  beforeEach(async () => {
    stage = await Stage.open();
    attesting = new Attesting();
    other = stage.install(compiled('puppet'), 'git');
    // Another file with another digest: a byte after the end of an ELF file changes nothing that runs.
    assert.equal(spawnSync('/bin/sh', ['-c', `echo >> ${other}`]).status, 0);
  });
  afterEach(async () => {
    await attesting.close();
    await stage.close();
  });

  async function again(puppet: PeerProcess): Promise<Socket> {
    const [socket] = await Promise.all([stage.accepted(), puppet.tell('connect')]);
    return socket;
  }

  it('T2: a process that connects again after an exec is known by its new program', async () => {
    const { puppet, socket } = await stage.connectedPuppet({ uid: SOMEBODY });
    assert.equal((await attesting.look(socket, PROGRAM)).value('unix:path'), compiled('puppet'));
    await puppet.tell(`exec ${other}`);
    const look = await attesting.look(await again(puppet), PROGRAM);
    assert.deepEqual([look.refused, look.value('unix:path'), look.value('unix:sha256')], [undefined, other, digestOf(other)]);
  });

  for (const [title, commands, later] of [
    ['another program', ['exec OTHER'], 0],
    ['the same program', ['execself'], 0],
    ['another program, while a sibling keeps the old memory alive', ['sibling', 'exec OTHER'], 1001],
    ['the same program, while a sibling keeps the old memory alive', ['sibling', 'execself'], 1001],
  ] as const) {
    it(`T2: an admitted peer that runs ${title} is no longer the same image`, async () => {
      const { puppet, socket } = await stage.connectedPuppet({ uid: SOMEBODY });
      const first = await attesting.look(socket, PROGRAM);
      const second = await attesting.look(await again(puppet), PROGRAM);
      assert.deepEqual([first.verify(), second.verify()], [undefined, undefined]);
      for (const command of commands) await puppet.tell(command.replace('OTHER', other));
      const now = performance.now.bind(performance);
      try {
        performance.now = () => now() + later;
        assert.deepEqual([first.verify(), second.verify()], ['peer-changed', 'peer-changed']);
      } finally {
        performance.now = now;
      }
    });
  }

  it('T2: code that is changed where the same program runs again, at the same addresses and beside memory that is kept, is not verified', async () => {
    const peer = stage.start(compiled('same-again'), [stage.socketPath], { uid: SOMEBODY });
    const [socket] = await Promise.all([stage.accepted(), peer.expect('connected')]);
    assert.equal((await attesting.look(socket, PROGRAM)).value('unix:image'), 'verified');
    peer.child.stdin.write('go on\n');
    const [second] = await Promise.all([stage.accepted(), peer.expect('changed')]);
    const now = performance.now.bind(performance);
    try {
      performance.now = () => now() + 1001; // for so long a look serves
      const look = await attesting.look(second, PROGRAM);
      assert.deepEqual([look.refused, look.value('unix:image'), look.verify()], [undefined, 'jit', undefined]);
    } finally {
      performance.now = now;
    }
  });

  for (const [state, warm, uid] of [['seen for the first time', false, SOMEBODY], ['of our own user, seen for the first time,', false, 0], ['that connected before', true, SOMEBODY]] as const) {
    it(`T2: an exec before any of the calls that look at a peer ${state} is refused, or the new program is what is known`, async () => {
      const { puppet: honest, socket: known } = await stage.connectedPuppet({ uid });
      if (warm) await attesting.look(known, PROGRAM);
      const looking = async (): Promise<unknown> => attesting.look(warm ? await again(honest) : known, PROGRAM);
      const calls = await (uid === 0 ? countImageCalls(honest.pid, looking) : countCalls(looking));
      const outcomes = new Set<string>();
      for (let at = 1; at <= calls; at += 1) {
        const { puppet, socket } = await stage.connectedPuppet({ uid });
        if (warm) await attesting.look(socket, PROGRAM);
        const connection = warm ? await again(puppet) : socket;
        const stop = interceptCalls((count) => { if (count === at) execNow(puppet); });
        const look = await attesting.look(connection, PROGRAM).finally(stop);
        outcomes.add(look.refused ?? 'admitted');
        if (look.refused === undefined && MIDWAY.has(look.state('unix:sha256'))) {
          // Neither program alone: nothing rests on its digest.
          outcomes.add('midway');
        } else if (look.refused === undefined) {
          const path = look.value('unix:path');
          // Of one program both, and the old one only if the exec came after the last look. A digest that is not kept, since the
          // file is so new, is unknown where the exec came before its content was opened.
          if (look.state('unix:sha256') !== 'unknown peer-changed') assert.equal(look.value('unix:sha256'), digestOf(String(path)), `call ${String(at)}`);
          if (path !== other && readlinkSync(`/proc/${String(puppet.pid)}/exe`) === other) assert.equal(look.verify(), 'peer-changed', `call ${String(at)}`);
        } else assert.equal(look.refused, 'peer-changed', `call ${String(at)}`);
        await puppet.kill();
      }
      // A kept image is looked at in one moment: an exec in that moment is one that came right after it.
      assert.ok(outcomes.has(warm ? 'admitted' : 'peer-changed'));
    });
  }

  for (const [of, uid] of [['a peer', SOMEBODY], ['a peer of our own user', 0]] as const) {
    it(`T2, T3: bytes of a program that ran before, sent at any of the calls that look at ${of}, never pass for no early data of the next`, async () => {
      const keys: readonly SelectorKey[] = ['socket:early-data', 'unix:path'];
      const { puppet: honest, socket: known } = await stage.connectedPuppet({ uid });
      const looking = (): Promise<unknown> => attesting.look(known, keys);
      const calls = await (uid === 0 ? countImageCalls(honest.pid, looking) : countCalls(looking));
      // Once its program was looked at, a peer may send: who was attested sent it.
      await honest.tell('write');
      assert.equal((await attesting.look(await again(honest), keys)).refused, undefined);
      const outcomes = new Set<string>();
      for (let at = 1; at <= calls; at += 1) {
        const { puppet, socket } = await stage.connectedPuppet({ uid });
        await puppet.tell('keep');
        const stop = interceptCalls((count) => { if (count === at) execNow(puppet, 'write'); });
        const look = await attesting.look(socket, keys).finally(stop);
        const seen = look.refused ?? (look.value('socket:early-data') === 0 ? 'nothing early' : 'early');
        outcomes.add(seen);
        if (seen === 'nothing early') assert.notEqual(look.state('unix:path') === 'present' && look.value('unix:path'), other, `call ${String(at)}`);
        await puppet.kill();
      }
      for (const seen of ['early', 'early-data']) assert.ok(outcomes.has(seen), `${seen}: ${[...outcomes].join(', ')}`);
    });
  }

  it('T3: a peer that begins to send while it is looked at is refused where its program counts, and admitted where it does not', async () => {
    for (const [keys, refused] of [[['socket:early-data', 'unix:path'], 'early-data'], [['socket:early-data', 'linux:no-new-privs'], undefined]] as const) {
      const { puppet, socket } = await stage.connectedPuppet({ uid: SOMEBODY });
      const late = new Attesting({
        attestor: attesting.attestor,
        others: [{
          name: 'remote', selectors: [{ key: 'remote:answer', value: { type: 'boolean' }, many: false, trust: 'heuristic', cost: 'remote', summary: 'slow', example: true }],
          attest: async (_peer, wanted) => {
            await puppet.tell('write');
            return new Map([...wanted].map((key) => [key, { state: 'present', values: [true] }]));
          },
        }],
      });
      const look = await late.look(socket, [...keys, 'remote:answer']);
      assert.deepEqual([look.refused, look.value('socket:early-data')], [refused, 0]);
      if (refused === undefined) assert.deepEqual([look.verify(), look.verify()], [undefined, undefined]);
      look.close();
    }
  });

  it('T2: a kept image is looked at again when the answer waited for something else', async () => {
    const { puppet, socket } = await stage.connectedPuppet({ uid: SOMEBODY });
    await attesting.look(socket, ['unix:path']);
    const remote = new Attesting({
      attestor: attesting.attestor,
      others: [{
        name: 'remote', selectors: [{ key: 'remote:answer', value: { type: 'boolean' }, many: false, trust: 'heuristic', cost: 'remote', summary: 'slow', example: true }],
        attest: async (_peer, wanted) => {
          await puppet.tell(`exec ${other}`);
          return new Map([...wanted].map((key) => [key, { state: 'present', values: [true] }]));
        },
      }],
    });
    const look = await remote.look(await again(puppet), ['unix:path', 'remote:answer']);
    assert.equal(look.refused, 'peer-changed');
    look.close();
  });

  it('T2: credentials that changed between two connections are the new ones, live and frozen', async function () {
    needPeerPidFd(this); // the weaker pin needs the ids to be those of the connect
    const { puppet, socket } = await stage.connectedPuppet();
    const keys: readonly SelectorKey[] = ['unix:uid', 'linux:live-uid', 'unix:path'];
    const first = await attesting.look(socket, keys);
    await puppet.tell(`setuid ${String(SOMEBODY)}`);
    const late = await attesting.look(socket, keys);
    const second = await attesting.look(await again(puppet), keys);
    const seen = [first, late, second].map((look) => [look.value('unix:uid'), look.value('linux:live-uid')]);
    assert.deepEqual(seen, [[0, 0], [0, SOMEBODY], [SOMEBODY, SOMEBODY]]);
  });

  it('T2: code that an admitted process maps later is seen at its next connection after a second', async () => {
    const { puppet, socket } = await stage.connectedPuppet({ uid: SOMEBODY });
    assert.equal((await attesting.look(socket, PROGRAM)).value('unix:image'), 'verified');
    await puppet.tell('jit');
    const now = performance.now.bind(performance);
    try {
      performance.now = () => now() + 1001;
      assert.equal((await attesting.look(await again(puppet), PROGRAM)).value('unix:image'), 'jit');
    } finally {
      performance.now = now;
    }
  });

  /** Makes the puppet run the other program before this returns. The exe link leads to it some time before it is mapped. */
  function execNow(puppet: PeerProcess, before?: string): void {
    puppet.child.stdin.write(`${before === undefined ? '' : `${before}\n`}exec ${other}\n`);
    while (!readFileSync(`/proc/${String(puppet.pid)}/maps`, 'utf8').split('\n').some((line) => line.includes(' r-xp ') && line.endsWith(` ${other}`)));
  }
});

function digestOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
