import assert from 'node:assert/strict';
import { chmodSync, chownSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Attesting } from '../support/attesting.js';
import { compiled } from '../support/compile.js';
import { needAttacks, needProgram, SOMEBODY } from '../support/features.js';
import { interceptCalls } from '../support/intercept.js';
import { onStage } from '../support/on-stage.js';
import type { Stage } from '../support/stage.js';

const PYTHON = '/usr/bin/python3';
/** The kernel leaves a lease for 45 s to who has it; after this long, this one lets go by itself. */
const LEASE_MS = 20_000;
/** Takes a lease on a program as soon as it runs no more, says so by a file, and lets nobody read it. */
const LEASE = `
import fcntl, os, signal, sys, time
signal.signal(signal.SIGIO, signal.SIG_IGN)
end = time.time() + ${String(LEASE_MS / 1000)}
while time.time() < end:
  time.sleep(0.001)
  try: file = os.open(sys.argv[1], os.O_RDWR)
  except OSError: continue
  try: fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
  except OSError:
    os.close(file)
    continue
  open(sys.argv[2], 'w').close()
  time.sleep(${String(LEASE_MS / 1000)})
`;
const sleeper = new Int32Array(new SharedArrayBuffer(4));

describe('T20: a lease on the file of a program', () => {
  let stage: Stage;
  let attesting: Attesting;
  before(function () { needAttacks(this); needProgram(this, PYTHON); });
  onStage((...made) => { [stage, attesting] = made; });

  it('T20: that its user takes when it ends, holds up nobody who would read it', async () => {
    const program = stage.install(compiled('puppet'), 'leased');
    chownSync(program, SOMEBODY, SOMEBODY);
    const theirs = stage.at('theirs');
    mkdirSync(theirs);
    chmodSync(theirs, 0o777);
    const taken = join(theirs, 'taken');
    const { puppet, socket } = await stage.connectedPuppet({ program, uid: SOMEBODY });
    stage.start(PYTHON, ['-c', LEASE, program, taken], { uid: SOMEBODY });
    const began = performance.now();
    // The moment before its content is opened: no later than the last look, and no earlier than everything else was seen.
    const stop = interceptCalls((_count, name, args) => {
      if (name !== 'openat' || !/^\/proc\/self\/fd\/[0-9]+\0$/.test(Buffer.from(args[1] as Uint8Array).toString('latin1'))) return;
      process.kill(puppet.pid, 'SIGKILL');
      while (!existsSync(taken) && performance.now() - began < LEASE_MS) Atomics.wait(sleeper, 0, 0, 1);
    });
    const look = await attesting.look(socket, ['unix:sha256']).finally(stop);
    assert.deepEqual([existsSync(taken), look.refused, look.state('unix:sha256')], [true, 'peer-exited', 'unknown system-error']);
    assert.ok(performance.now() - began < LEASE_MS, 'the event loop waited until the lease was over');
  });
});
