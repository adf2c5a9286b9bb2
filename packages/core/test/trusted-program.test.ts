import assert from 'node:assert/strict';
import { chmodSync, chownSync, existsSync, lchownSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { skipUnless } from '@portcullis/testkit';
import { runTrusted } from '../dist/index.js';
import { isRootsAlone } from '../dist/platform/index.js';

const LIMITS = { timeoutMs: 30_000, mostBytes: 1 << 20 };
/** Programs of the system, where they really are: below /usr on merged systems. */
const program = (name: string): string | undefined => [`/usr/bin/${name}`, `/bin/${name}`].find((path) => existsSync(path));

describe('another program (I9, T19)', () => {
  function system(ctx: Mocha.Context, name: string): string {
    const path = program(name);
    skipUnless(ctx, path !== undefined, `no ${name} on this system`);
    return realpathSync(path);
  }

  it('is run, and its exit code and output come back', async function () {
    assert.deepEqual(await runTrusted(system(this, 'printf'), ['%s', 'a b;$HOME'], LIMITS), { code: 0, stdout: 'a b;$HOME' });
    assert.equal((await runTrusted(system(this, 'false'), [], LIMITS)).code, 1);
  });

  it('has an environment that is really empty', async function () {
    process.env['PORTCULLIS_TEST_LEAK'] = 'leak';
    try {
      assert.deepEqual(await runTrusted(system(this, 'env'), [], LIMITS), { code: 0, stdout: '' });
    } finally {
      delete process.env['PORTCULLIS_TEST_LEAK'];
    }
  });

  it('is never looked up: a relative path is refused, whatever PATH says', async () => {
    for (const path of ['true', './true', 'bin/true', '', '../bin/true']) await assert.rejects(async () => runTrusted(path, [], LIMITS), { code: 'PROGRAM_UNTRUSTED' }, path);
  });

  it('is ended when it runs too long', async function () {
    await assert.rejects(runTrusted(system(this, 'sleep'), ['3600'], { ...LIMITS, timeoutMs: 50 }), { code: 'PROGRAM_FAILED' });
  });

  it('is ended when it says too much', async function () {
    await assert.rejects(runTrusted(system(this, 'yes'), [], { ...LIMITS, mostBytes: 1000 }), { code: 'PROGRAM_FAILED' });
  });

  it('is missed by name', async () => {
    await assert.rejects(async () => runTrusted('/nowhere/at/all', [], LIMITS), { code: 'PROGRAM_FAILED' });
  });

  it('is no folder, and nothing that cannot be executed', async () => {
    await assert.rejects(async () => runTrusted('/etc', [], LIMITS), { code: 'PROGRAM_FAILED' });
    await assert.rejects(async () => runTrusted('/etc/passwd', [], LIMITS), { code: 'PROGRAM_FAILED' });
  });

  describe('that somebody else could change', () => {
    let folder: string;
    let path: string;
    before(function () {
      skipUnless(this, process.getuid?.() === 0, 'only root can make files of root and of others');
    });
    beforeEach(() => {
      // Below a folder that only root can write, so that the file alone is what differs.
      folder = mkdtempSync(existsSync('/run') ? '/run/portcullis-' : join(tmpdir(), 'portcullis-'));
      chmodSync(folder, 0o755);
      path = join(folder, 'program');
      writeFileSync(path, '#!/bin/sh\necho ran\n', { mode: 0o755 });
    });
    afterEach(() => { rmSync(folder, { recursive: true, force: true }); });

    it('is run while it is root\'s', async () => {
      assert.deepEqual(await runTrusted(path, [], LIMITS), { code: 0, stdout: 'ran\n' });
    });

    const changes: Readonly<Record<string, () => void>> = {
      'as it is not root\'s': () => { chownSync(path, 1234, 0); },
      'as its group may write it': () => { chmodSync(path, 0o775); },
      'as anybody may write it': () => { chmodSync(path, 0o757); },
      'as anybody may write its folder': () => { chmodSync(folder, 0o777); },
      'as its folder is not root\'s': () => { chownSync(folder, 1234, 0); },
      'as a sticky folder lets anybody take its place in the parent\'s stead': () => { chmodSync(folder, 0o1777); },
    };
    for (const [why, change] of Object.entries(changes)) {
      it(`is refused, ${why}`, async () => {
        assert.equal(isRootsAlone(path), true);
        change();
        await assert.rejects(async () => runTrusted(path, [], LIMITS), { code: 'PROGRAM_UNTRUSTED' });
        assert.equal(isRootsAlone(path), false);
      });
    }

    it('is refused behind a link of root\'s that leads to a folder of others', async () => {
      const loose = join(folder, 'loose');
      mkdirSync(loose);
      writeFileSync(join(loose, 'program'), '#!/bin/sh\necho ran\n', { mode: 0o755 });
      chmodSync(loose, 0o777);
      const link = join(folder, 'link');
      symlinkSync(join(loose, 'program'), link);
      await assert.rejects(async () => runTrusted(link, [], LIMITS), { code: 'PROGRAM_UNTRUSTED' });
    });

    it('is run behind links of root\'s, and refused behind a link of somebody else\'s', async () => {
      const [link, relative] = [join(folder, 'link'), join(folder, 'relative')];
      symlinkSync(path, link);
      symlinkSync('./link', relative);
      assert.deepEqual(await runTrusted(relative, [], LIMITS), { code: 0, stdout: 'ran\n' });
      lchownSync(link, 1234, 0);
      await assert.rejects(async () => runTrusted(relative, [], LIMITS), { code: 'PROGRAM_UNTRUSTED' });
    });

    it('is given up behind links that lead in a circle', async () => {
      symlinkSync('b', join(folder, 'a'));
      symlinkSync('a', join(folder, 'b'));
      await assert.rejects(async () => runTrusted(join(folder, 'a'), [], LIMITS), { code: 'PROGRAM_FAILED' });
    });
  });
});
