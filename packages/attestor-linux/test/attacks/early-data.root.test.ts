import assert from 'node:assert/strict';
import type { SelectorKey } from '@portcullis/core';
import type { Attesting } from '../support/attesting.js';
import { compiled } from '../support/compile.js';
import { needAttacks, SOMEBODY } from '../support/features.js';
import { onStage } from '../support/on-stage.js';
import type { Stage } from '../support/stage.js';

const EARLY: SelectorKey = 'socket:early-data';

describe('T3: bytes that were sent before anybody looked', () => {
  let stage: Stage;
  let attesting: Attesting;
  before(function () { needAttacks(this); });
  onStage((...made) => { [stage, attesting] = made; });

  it('T3: are counted, and none is none', async () => {
    const { puppet, socket } = await stage.connectedPuppet({ uid: SOMEBODY });
    assert.equal((await attesting.look(socket, [EARLY])).value(EARLY), 0);
    await puppet.tell('write');
    assert.equal((await attesting.look(socket, [EARLY])).value(EARLY), 5);
  });

  it('T2, T3: of a program that then became an allowed one are seen beside its path', async () => {
    const allowed = stage.install(compiled('puppet'), 'allowed');
    const { puppet, socket } = await stage.connectedPuppet({ uid: SOMEBODY });
    await puppet.tell('keep');
    await puppet.tell('write');
    await puppet.tell(`exec ${allowed}`);
    const look = await attesting.look(socket, [EARLY, 'unix:uid', 'unix:path', 'unix:image']);
    assert.deepEqual([look.refused, look.value('unix:path'), look.value(EARLY)], [undefined, allowed, 5]);
  });
});
