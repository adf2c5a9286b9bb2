import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { appendFileSync, readFileSync, realpathSync, statSync, truncateSync } from 'node:fs';
import type { Socket } from 'node:net';
import { LinuxAttestor } from '@portcullis/attestor-linux';
import { Attesting } from '../support/attesting.js';
import { compiled } from '../support/compile.js';
import { needAttacks, needProgram, SOMEBODY } from '../support/features.js';
import { interceptCalls } from '../support/intercept.js';
import { Stage } from '../support/stage.js';

const SOCAT = '/usr/bin/socat';
const KEY = 'unix:sha256';

describe('T17: the digest as denial of service', () => {
  let stage: Stage;
  let attesting: Attesting;
  before(function () { needAttacks(this); });
  beforeEach(async () => {
    stage = await Stage.open();
    attesting = new Attesting();
  });
  afterEach(async () => {
    await attesting.close();
    await stage.close();
  });

  /** How often a program's content was opened while `act` ran: `/proc/PID/exe` is opened for a digest alone, where maps and stat agree. */
  async function contentOpened(act: () => Promise<unknown>): Promise<number> {
    let opened = 0;
    const stop = interceptCalls((_count, name, args) => {
      if (name === 'openat' && /^\/proc\/[0-9]+\/exe\0$/.test(Buffer.from(args[1] as Uint8Array).toString('latin1'))) opened += 1;
    });
    await act().finally(stop);
    return opened;
  }

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
    truncateSync(program, 100 << 20);
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
    truncateSync(program, 64 << 20);
    const { puppet, socket } = await stage.connectedPuppet({ program, uid: SOMEBODY });
    const looking = attesting.look(socket, [KEY]);
    await puppet.tell(`exec ${compiled('puppet')}`); // so that the file may be written
    appendFileSync(program, 'x');
    const look = await looking;
    assert.equal(look.refused, 'peer-changed');
  });

  it('T17: a peer that is gone does not end the digest that others wait for', async () => {
    const program = stage.install(compiled('puppet'), 'large');
    truncateSync(program, 64 << 20);
    const one = await stage.connectedPuppet({ program, uid: SOMEBODY });
    const two = await stage.connectedPuppet({ program, uid: SOMEBODY });
    const looking = [attesting.look(one.socket, [KEY]), attesting.look(two.socket, [KEY])] as const;
    await one.puppet.kill();
    assert.equal((await looking[0]).refused, 'peer-exited');
    assert.equal((await looking[1]).value(KEY), digestOf(realpathSync(program)));
  });
});

function digestOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
