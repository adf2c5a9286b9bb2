import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chownSync, existsSync, readFileSync, statSync, statfsSync } from 'node:fs';
import { skipUnless } from '@portcullis/testkit';
import { EXT4_SUPER_MAGIC } from '../../dist/ffi/constants.js';
import type { Attesting, Look } from '../support/attesting.js';
import { compiled } from '../support/compile.js';
import { needAttacks, SOMEBODY } from '../support/features.js';
import { onStage } from '../support/on-stage.js';
import type { Stage } from '../support/stage.js';

const KEY = 'unix:sha256';

describe('T4: a program on a disk that its user writes while nobody has it open', () => {
  let stage: Stage;
  let attesting: Attesting;
  const now = Date.now.bind(Date);
  before(function () { needAttacks(this); });
  afterEach(() => { Date.now = now; });
  onStage((...made) => { [stage, attesting] = made; });

  async function look(program: string): Promise<Look> {
    const { puppet, socket } = await stage.connectedPuppet({ program, uid: SOMEBODY });
    const seen = await attesting.look(socket, [KEY]);
    await puppet.kill();
    return seen;
  }

  it('T4, T17: is read anew for each process that runs it, since its times need not tell', async function () {
    skipUnless(this, existsSync('/dev/fuse'), 'there is no /dev/fuse');
    const program = stage.install(compiled('puppet'), 'git');
    skipUnless(this, statfsSync(program).type === EXT4_SUPER_MAGIC, 'what is installed is not on ext4');
    chownSync(program, SOMEBODY, SOMEBODY);
    const holder = stage.start(compiled('late-page'), [program, String(SOMEBODY)]);
    await holder.expect('held');
    process.kill(holder.pid, 'SIGUSR1');
    await holder.expect('let go');
    Date.now = () => now() + 3_600_000; // else nothing so new would be kept
    const before = statSync(program, { bigint: true });
    const seen = await look(program);
    assert.equal(seen.value(KEY), digestOf(program));
    process.kill(holder.pid, 'SIGUSR1');
    await holder.expect('written');
    const after = statSync(program, { bigint: true });
    assert.deepEqual([after.ctimeNs, after.mtimeNs], [before.ctimeNs, before.mtimeNs], 'the attack itself');
    assert.notEqual(digestOf(program), seen.value(KEY), 'the attack itself');
    assert.equal((await look(program)).value(KEY), digestOf(program));
  });
});

function digestOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
