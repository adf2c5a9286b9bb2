import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { fstatSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unknown, type Fd } from '@portcullis/core';
import { DigestCache } from '@portcullis/core/platform';

describe('the digest of a file', () => {
  let folder = '';
  let file = '';
  let cache: DigestCache;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'portcullis-digest-'));
    file = join(folder, 'program');
    writeFileSync(file, Buffer.alloc(4096, 'x'));
    cache = new DigestCache();
  });
  afterEach(async () => {
    await cache.close();
    rmSync(folder, { recursive: true });
  });

  for (const [which, tells] of [['that', true], ['whose inode tells nothing, and that', false]] as const) {
    it(`T17: of a file ${which} grows to a terabyte after it was counted, is not known: it is read no further than it was long then`, async () => {
      const identity = statSync(file, { bigint: true });
      let looks = 0;
      const found = await cache.digest({
        uid: 1000,
        identity,
        open: () => openSync(file, 'r') as Fd,
        identify: (fd) => {
          const now = tells ? fstatSync(fd, { bigint: true }) : identity;
          if ((looks += 1) === 2) truncateSync(file, 2 ** 40); // the last look before it is read
          return now;
        },
      });
      assert.deepEqual(found, unknown('peer-changed', 'the executable changed while it was read'));
    });
  }

  it('is that of all of it, where it is as long as it was', async () => {
    for (const size of [0, 1, 1 << 20, (1 << 20) + 1]) {
      writeFileSync(file, Buffer.alloc(size, 'x'));
      const source = { uid: 1000, identity: statSync(file, { bigint: true }), open: () => openSync(file, 'r') as Fd, identify: (fd: Fd) => fstatSync(fd, { bigint: true }) };
      assert.deepEqual(await cache.digest(source), { state: 'present', values: [createHash('sha256').update(readFileSync(file)).digest('hex')] });
    }
  });
});
