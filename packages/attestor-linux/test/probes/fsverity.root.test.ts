import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { requireFeature } from '@portcullis/testkit';
import { FS_IOC_MEASURE_VERITY } from '../../dist/ffi/constants.js';
import { Attesting } from '../support/attesting.js';
import { compiled } from '../support/compile.js';
import { needAttacks, SOMEBODY } from '../support/features.js';
import { interceptCalls } from '../support/intercept.js';
import { Stage } from '../support/stage.js';
import { enableVerity, merkleDigest } from '../support/verity.js';

const KEY = 'linux:fsverity-digest';
/** A folder on a file system with fs-verity: the kernel lab has one (`packages/kernel-lab`). */
const FOLDER_VARIABLE = 'PORTCULLIS_VERITY';

describe('the fs-verity digest of a program', () => {
  let stage: Stage;
  let attesting: Attesting;
  let folder: string | undefined;
  before(function () { needAttacks(this); });
  beforeEach(async () => {
    stage = await Stage.open();
    attesting = new Attesting();
  });
  afterEach(async () => {
    await attesting.close();
    await stage.close();
    if (folder !== undefined) rmSync(folder, { recursive: true });
    folder = undefined;
  });

  /** A program on the file system that has it, not yet under fs-verity. */
  function installOnVerity(ctx: Mocha.Context): string {
    const where = process.env[FOLDER_VARIABLE] ?? '';
    requireFeature(ctx, 'fsverity', existsSync(where), `${FOLDER_VARIABLE} names no folder on a file system with fs-verity`);
    folder = mkdtempSync(join(where, 'programs-'));
    chmodSync(folder, 0o755);
    const program = join(folder, 'git');
    copyFileSync(compiled('puppet'), program);
    chmodSync(program, 0o755);
    return program;
  }

  async function lookAt(program: string, commands: readonly string[] = []) {
    const { puppet, socket } = await stage.connectedPuppet({ program, uid: SOMEBODY });
    for (const command of commands) await puppet.tell(command);
    return attesting.look(socket, [KEY, 'unix:sha256', 'unix:path']);
  }

  it('is what the Merkle tree over its content gives, and another than its SHA-256', async function () {
    const program = installOnVerity(this);
    enableVerity(program);
    const look = await lookAt(program);
    assert.equal(look.value(KEY), `sha256:${merkleDigest(readFileSync(program))}`);
    assert.equal(look.value('unix:sha256'), createHash('sha256').update(readFileSync(program)).digest('hex'));
    assert.deepEqual([look.tier(KEY), look.verify()], ['image', undefined]);
  });

  it('is absent of a file without, on a file system with', async function () {
    assert.equal((await lookAt(installOnVerity(this))).state(KEY), 'absent');
  });

  it('T4: is worth no more than the code that is mapped beside it', async function () {
    const program = installOnVerity(this);
    enableVerity(program);
    assert.equal((await lookAt(program, ['jit'])).tier(KEY), 'image-unverified');
  });

  it('is unknown where it was made with another hash than SHA-256', async function () {
    const program = installOnVerity(this);
    enableVerity(program, 2);
    assert.equal((await lookAt(program)).state(KEY), 'unknown undecodable');
  });

  it('is unknown where the kernel does not verify, and whoever serves the file system is not asked', async () => {
    const memory = mkdtempSync('/dev/shm/portcullis-');
    try {
      chmodSync(memory, 0o755);
      const program = join(memory, 'git');
      copyFileSync(compiled('puppet'), program);
      chmodSync(program, 0o755);
      let asked = 0;
      const stop = interceptCalls((_count, name, args) => { if (name === 'ioctl' && args[1] === FS_IOC_MEASURE_VERITY) asked += 1; });
      const look = await lookAt(program).finally(stop);
      assert.deepEqual([look.state(KEY), look.state('unix:sha256'), asked], ['unknown kernel-unsupported', 'present', 0]);
    } finally {
      rmSync(memory, { recursive: true });
    }
  });
});
