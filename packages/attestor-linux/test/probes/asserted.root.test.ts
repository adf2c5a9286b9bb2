import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { SelectorKey } from '@portcullis/core';
import type { Attesting } from '../support/attesting.js';
import { compiled } from '../support/compile.js';
import { needAttacks, needProgram, SOMEBODY } from '../support/features.js';
import { onStage } from '../support/on-stage.js';
import type { Stage } from '../support/stage.js';

const PYTHON = '/usr/bin/python3';

describe('T21: what a peer says of itself', () => {
  let stage: Stage;
  let attesting: Attesting;
  before(function () { needAttacks(this); });
  onStage((...made) => { [stage, attesting] = made; });

  async function withEnv(env: NodeJS.ProcessEnv, keys: readonly SelectorKey[]) {
    const { socket } = await stage.connectedPuppet({ uid: SOMEBODY, env });
    return attesting.look(socket, keys);
  }

  for (const [title, comm] of [['escapes', '\u001b[31mred'], ['parentheses', ') R 1 1 (x'], ['blanks', '  a  ']] as const) {
    it(`T21: a thread name with ${title} is what it is, and moves nothing else`, async () => {
      const puppet = await stage.puppet({ uid: SOMEBODY });
      await puppet.tell(`comm ${comm}`);
      const [socket] = await Promise.all([stage.accepted(), puppet.tell('connect')]);
      const look = await attesting.look(socket, ['process:comm', 'linux:live-uid', 'unix:ancestor-uid']);
      assert.deepEqual([look.value('process:comm'), look.tier('process:comm')], [comm, 'peer-asserted']);
      assert.deepEqual([look.value('linux:live-uid'), look.value('unix:ancestor-uid')], [SOMEBODY, 0]);
    });
  }

  it('T21: a thread name that is not UTF-8 is unknown; one with a newline and a line of status forges none', async function () {
    needProgram(this, PYTHON);
    for (const [comm, state] of [['\\xff\\xfe', 'unknown undecodable'], ['a\\nUid:\\t0\\t0\\t0', undefined]] as const) {
      const script = `import ctypes,socket,time
ctypes.CDLL(None).prctl(15,b"${comm}")
s=socket.socket(socket.AF_UNIX);s.connect(${JSON.stringify(stage.socketPath)});time.sleep(1000)`;
      stage.start(PYTHON, ['-c', script], { uid: SOMEBODY });
      const look = await attesting.look(await stage.accepted(), ['process:comm', 'linux:live-uid']);
      assert.equal(look.value('linux:live-uid'), SOMEBODY);
      if (state !== undefined) assert.equal(look.state('process:comm'), state);
    }
  });

  it('T21: a variable is found by its whole name, first come, never inside of another\'s value', async () => {
    const look = await withEnv({ A: 'x=y', AB: 'two', B: 'A=no' }, ['env:A', 'env:AB', 'env:B', 'env:x', 'env:C']);
    assert.deepEqual([look.value('env:A'), look.value('env:AB'), look.value('env:B')], ['x=y', 'two', 'A=no']);
    assert.deepEqual([look.state('env:x'), look.state('env:C')], ['absent', 'absent']);
    assert.equal(look.tier('env:A'), 'peer-asserted');
  });

  it('T21: a variable of 64 KiB is whole, a longer one is unknown, and what stands after it is still found', async () => {
    const most = 'v'.repeat(64 * 1024);
    const look = await withEnv({ A: most, B: `${most}w`, Z: 'after' }, ['env:A', 'env:B', 'env:Z']);
    assert.equal(look.value('env:A'), most);
    assert.deepEqual([look.state('env:B'), look.value('env:Z')], ['unknown limit', 'after']);
  });

  it('T21: an environment larger than is read leaves its variables unknown, never absent', async () => {
    const env = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`V${String(index)}`, 'v'.repeat(100_000)]));
    const look = await withEnv({ ...env, FORBIDDEN: 'yes' }, ['env:FORBIDDEN', 'env:NONE']);
    assert.deepEqual([look.state('env:FORBIDDEN'), look.state('env:NONE')], ['unknown limit', 'unknown limit']);
  });

  it('T21: a variable that is not UTF-8 is unknown', async () => {
    const puppet = stage.start('/bin/sh', ['-c', `A=$(printf '\\377') exec ${compiled('puppet')} ${stage.socketPath}`], { uid: SOMEBODY });
    await puppet.expect('ready');
    const [socket] = await Promise.all([stage.accepted(), puppet.tell('connect')]);
    assert.equal((await attesting.look(socket, ['env:A'])).state('env:A'), 'unknown undecodable');
  });

  it('T21: a variable that the peer wrote over is what it wrote: it is only asserted', async function () {
    needProgram(this, PYTHON);
    const script = `import ctypes,socket,time
stat=open("/proc/self/stat").read().rsplit(")",1)[1].split()
at=int(stat[47]); end=int(stat[48])
block=ctypes.string_at(at,end-at)
ctypes.memmove(at,block.replace(b"ROLE=guest",b"ROLE=admin"),end-at)
s=socket.socket(socket.AF_UNIX);s.connect(${JSON.stringify(stage.socketPath)});time.sleep(1000)`;
    stage.start(PYTHON, ['-c', script], { uid: SOMEBODY, env: { ROLE: 'guest' } });
    const look = await attesting.look(await stage.accepted(), ['env:ROLE']);
    assert.deepEqual([look.value('env:ROLE'), look.tier('env:ROLE')], ['admin', 'peer-asserted']);
  });

  it('T21: arguments are taken as they are, without the first, and absent where there are none', async function () {
    needProgram(this, PYTHON);
    const hostile = ['--a=\u001b[0m', 'line\nbreak', '']; // an empty one is no value
    const script = `import socket,sys,time\ns=socket.socket(socket.AF_UNIX);s.connect(${JSON.stringify(stage.socketPath)});time.sleep(1000)`;
    stage.start(PYTHON, ['-c', script, ...hostile], { uid: SOMEBODY });
    const look = await attesting.look(await stage.accepted(), ['process:arg']);
    assert.deepEqual([...look.values('process:arg')].sort(), ['-c', script, ...hostile.slice(0, 2)].sort());
  });

  it('T21: arguments of 64 KiB are read, and more than is read is unknown', async function () {
    needProgram(this, PYTHON);
    const script = `import socket,sys,time\ns=socket.socket(socket.AF_UNIX);s.connect(${JSON.stringify(stage.socketPath)});time.sleep(1000)`;
    stage.start(PYTHON, ['-c', script, 'x'.repeat(64 * 1024)], { uid: SOMEBODY });
    assert.ok((await attesting.look(await stage.accepted(), ['process:arg'])).values('process:arg').includes('x'.repeat(64 * 1024)));
    stage.start(PYTHON, ['-c', script, ...Array.from({ length: 3 }, () => 'x'.repeat(64 * 1024))], { uid: SOMEBODY });
    assert.match((await attesting.look(await stage.accepted(), ['process:arg'])).state('process:arg'), /^unknown /);
  });

  it('I10: environment and arguments are not read unless they are asked for', async () => {
    const { puppet, socket } = await stage.connectedPuppet({ uid: SOMEBODY });
    const look = await attesting.look(socket, ['process:comm']);
    assert.deepEqual([...look.attested.evidence].map(([key]) => key), ['process:comm']);
    assert.equal(look.value('process:comm'), readFileSync(`/proc/${String(puppet.pid)}/comm`, 'utf8').trim());
  });
});
