import assert from 'node:assert/strict';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { setTimeout as passed } from 'node:timers/promises';
import type { Attesting } from '../support/attesting.js';
import { compiled } from '../support/compile.js';
import { needAttacks } from '../support/features.js';
import { interceptCalls } from '../support/intercept.js';
import { onStage } from '../support/on-stage.js';
import type { Stage } from '../support/stage.js';

/** Runs `act`: how often somebody's threads were listed meanwhile, and how many texts of threads were opened. */
async function looksAtThreads(act: () => Promise<void>): Promise<{ readonly lists: number; readonly texts: number }> {
  const { readdirSync } = fs;
  const seen = { lists: 0, texts: 0 };
  const listing = ((...args: Parameters<typeof readdirSync>) => {
    if (/^\/proc\/[0-9]+\/task$/.test(String(args[0]))) seen.lists += 1;
    return readdirSync(...args);
  }) as typeof readdirSync;
  const stop = interceptCalls((_, name, [, path]) => { if (name === 'openat' && path instanceof Uint8Array && /\/task\/[0-9]+\/status/.test(Buffer.from(path).toString('latin1'))) seen.texts += 1; });
  Object.assign(fs, { readdirSync: listing });
  syncBuiltinESMExports();
  try {
    await act();
    return seen;
  } finally {
    Object.assign(fs, { readdirSync });
    syncBuiltinESMExports();
    stop();
  }
}

describe('T11: a process whose threads are not alike', () => {
  let stage: Stage;
  let attesting: Attesting;
  before(function () { needAttacks(this); });
  onStage((...made) => { [stage, attesting] = made; });

  it('T11: what binds the main thread alone does not count, and a tracer of another thread does', async () => {
    const keys = ['linux:seccomp', 'linux:no-new-privs', 'linux:cap-effective', 'linux:tracer', 'linux:live-uid'] as const;
    const peer = stage.start(compiled('threads'), [stage.socketPath]);
    const thread = await peer.line();
    const socket = await stage.accepted();
    const look = await attesting.look(socket, keys);
    assert.deepEqual([look.value('linux:seccomp'), look.value('linux:no-new-privs'), look.value('linux:live-uid')], ['disabled', false, 0]);
    assert.deepEqual([look.state('linux:cap-effective'), look.state('linux:tracer')], ['present', 'absent']);
    const tracer = stage.start(compiled('tracer'), [thread]);
    await tracer.expect('ready');
    assert.equal((await attesting.look(socket, keys)).value('linux:tracer'), tracer.pid);
  });

  it('T11: a thread that is never there when it is looked at counts all the same', async () => {
    stage.start(compiled('threads'), [stage.socketPath, 'hop']);
    const socket = await stage.accepted();
    const found = new Set<string>();
    for (let looks = 0; looks < 400; looks += 1) {
      const look = await attesting.look(socket, ['linux:seccomp', 'linux:no-new-privs']);
      found.add(look.state('linux:seccomp') === 'present' ? String(look.value('linux:seccomp')) : look.state('linux:seccomp'));
      look.close();
    }
    assert.ok(!found.has('filter'), [...found].join(', '));
  });

  /** How often a peer with so many other threads, in so many groups, has them listed, and how many of them are looked at. */
  async function looksAt(others: number, groups: number, state?: string): Promise<{ readonly lists: number; readonly texts: number }> {
    stage.start(compiled('threads'), [stage.socketPath, 'many', String(others), String(groups)]);
    const socket = await stage.accepted();
    return looksAtThreads(async () => {
      const look = await attesting.look(socket, ['linux:tracer', 'linux:seccomp', 'unix:uid']);
      assert.deepEqual([look.state('linux:tracer'), look.state('linux:seccomp'), look.state('unix:uid')], [state ?? 'absent', state ?? 'present', 'present']);
    });
  }

  it('T7, I4: where the main thread has exited, groups, units and arguments are unknown: what it shows is not where the others are', async () => {
    stage.start(compiled('threads'), [stage.socketPath, 'leave']);
    const socket = await stage.accepted();
    const keys = ['linux:cgroup', 'systemd:unit', 'process:arg'] as const;
    // The kernel lets a thread be joined a moment before its memory and its groups are left.
    for (;;) {
      const look = await attesting.look(socket, keys);
      const states = keys.map((key) => look.state(key));
      look.close();
      if (states.includes('present')) {
        await passed(1);
        continue;
      }
      assert.deepEqual(states, ['unknown not-visible', 'unknown not-visible', 'unknown not-visible']);
      return;
    }
  });

  it('T20: more threads than are looked at are not listed either', async () => {
    assert.deepEqual(await looksAt(3, 3), { lists: 3, texts: 6 }); // what is counted is what is done
    assert.deepEqual(await looksAt(300, 3, 'unknown limit'), { lists: 0, texts: 0 });
  });

  it('T20: threads in thousands of groups, whose texts take the kernel long, are not looked at one by one', async () => {
    assert.deepEqual(await looksAt(100, 65_536, 'unknown limit'), { lists: 0, texts: 0 });
  });

  it('T20: nor are they beyond a total of their texts', async () => {
    const { lists, texts } = await looksAt(100, 1024, 'unknown limit');
    assert.ok(lists === 1 && texts > 30 && texts < 90, `${String(lists)} ${String(texts)}`);
  });
});
