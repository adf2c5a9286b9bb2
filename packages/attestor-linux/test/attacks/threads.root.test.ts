import assert from 'node:assert/strict';
import type { Attesting } from '../support/attesting.js';
import { compiled } from '../support/compile.js';
import { needAttacks } from '../support/features.js';
import { onStage } from '../support/on-stage.js';
import type { Stage } from '../support/stage.js';

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
});
