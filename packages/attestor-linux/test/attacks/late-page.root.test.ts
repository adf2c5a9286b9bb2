import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chownSync, existsSync, readFileSync, statSync, statfsSync } from 'node:fs';
import type { Socket } from 'node:net';
import { requireFeature, skipUnless } from '@portcullis/testkit';
import { probeCapabilities } from '@portcullis/attestor-linux';
import { EXT4_SUPER_MAGIC } from '../../dist/ffi/constants.js';
import type { Attesting, Look } from '../support/attesting.js';
import { compiled } from '../support/compile.js';
import { contentOpened } from '../support/content-opened.js';
import { needAttacks, SOMEBODY } from '../support/features.js';
import { onStage } from '../support/on-stage.js';
import type { Stage } from '../support/stage.js';

const KEY = 'unix:sha256';

describe('T4: a program on a disk that is its user\'s own', () => {
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

  it('T17: many connections at once of one process of a user\'s own program cost one read, and those of another process another', async function () {
    const { uniquePidfdInodes, pidfdInfo } = probeCapabilities();
    requireFeature(this, 'kept', uniquePidfdInodes && pidfdInfo, 'nothing is kept between connections before Linux 6.13');
    const program = stage.install(compiled('puppet'), 'git');
    chownSync(program, SOMEBODY, SOMEBODY);
    const many = async (): Promise<readonly Socket[]> => {
      const { puppet, socket } = await stage.connectedPuppet({ program, uid: SOMEBODY });
      const sockets = [socket];
      for (let count = 1; count < 20; count += 1) {
        await puppet.tell('connect');
        sockets.push(await stage.accepted());
      }
      return sockets;
    };
    const [one, other] = [await many(), await many()];
    const opened = await contentOpened(async () => {
      const looks = await Promise.all([...one, ...other].map((socket) => attesting.look(socket, [KEY])));
      assert.deepEqual(new Set(looks.map((look) => look.value(KEY))), new Set([digestOf(program)]));
    });
    assert.equal(opened, 2);
    const again = await contentOpened(async () => { await attesting.look(one[0]!, [KEY]); });
    assert.equal(again, 0);
  });

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
