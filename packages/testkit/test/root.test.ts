import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closedFolder } from '@portcullis/testkit';

describe('where the tests can be started as other users', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'portcullis-testkit-'));
    mkdirSync(join(folder, 'home/checkout'), { recursive: true });
    chmodSync(folder, 0o755);
    chmodSync(join(folder, 'home'), 0o755);
    chmodSync(join(folder, 'home/checkout'), 0o755);
  });
  afterEach(() => { rmSync(folder, { recursive: true }); });

  it('is where they may enter every folder', () => {
    assert.equal(closedFolder(join(folder, 'home/checkout/file')), undefined);
  });

  it('is not where one is closed to them, on the way or at its end', () => {
    chmodSync(join(folder, 'home/checkout'), 0o750);
    assert.equal(closedFolder(join(folder, 'home/checkout/file')), join(folder, 'home/checkout'));
    chmodSync(join(folder, 'home'), 0o700);
    assert.equal(closedFolder(join(folder, 'home/checkout/file')), join(folder, 'home'));
  });
});
