import assert from 'node:assert/strict';
import { chmodSync, closeSync, existsSync, linkSync, lstatSync, readdirSync, renameSync, rmdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { NameLock } from '../../dist/listen/name-lock.js';
import { walkToParent } from '../../dist/listen/walk.js';
import { descriptors, needLinux, rawBind, Scratch } from './scratch.js';

describe('safe listen: release (T18)', () => {
  let scratch: Scratch;
  let path: string;
  before(function () { needLinux(this); });
  beforeEach(() => {
    scratch = new Scratch();
    path = scratch.at('s');
  });
  afterEach(() => { scratch.remove(); });

  it('removes the path, before or after the descriptor is closed', () => {
    for (const closeFirst of [true, false]) {
      const bound = scratch.bind({ path });
      if (closeFirst) closeSync(bound.fd);
      bound.release();
      if (!closeFirst) closeSync(bound.fd);
      assert.deepEqual(readdirSync(scratch.path), []);
    }
  });

  it('may be called twice, and the second time touches neither a path nor a descriptor', () => {
    const first = scratch.bind({ path });
    closeSync(first.fd);
    first.release();
    const second = scratch.bind({ path }); // has the numbers that the first had
    const before = descriptors();
    first.release();
    assert.equal(descriptors(), before);
    assert.equal(existsSync(path), true);
    closeSync(second.fd);
  });

  it('leaves a file that took the place of the socket', () => {
    const bound = scratch.bind({ path });
    unlinkSync(path);
    writeFileSync(path, 'theirs');
    closeSync(bound.fd);
    bound.release();
    assert.equal(lstatSync(path).isFile(), true);
  });

  it('leaves another socket that took its place, even where inode numbers are used again at once', () => {
    for (let round = 0; round < 50; round += 1) {
      const bound = scratch.bind({ path });
      const { ino } = lstatSync(path);
      writeFileSync(scratch.at('filler'), ''); // takes the number of the lock file, which is the lowest that is free
      closeSync(bound.fd);
      unlinkSync(path);
      const other = rawBind(path);
      assert.notEqual(lstatSync(path).ino, ino, 'the number was given away while the socket was not released');
      bound.release();
      assert.equal(existsSync(path), true);
      closeSync(other);
      unlinkSync(path);
      unlinkSync(scratch.at('filler'));
    }
  });

  it('leaves the socket of the gateway that took over', () => {
    const old = scratch.bind({ path });
    closeSync(old.fd);
    const next = scratch.bind({ path });
    assert.equal(next.replacedStale, true);
    old.release();
    assert.equal(existsSync(path), true);
    closeSync(next.fd);
  });

  it('removes only its own name when the socket was moved or linked elsewhere', () => {
    const bound = scratch.bind({ path });
    linkSync(path, scratch.at('second'));
    renameSync(path, scratch.at('moved'));
    closeSync(bound.fd);
    bound.release();
    assert.deepEqual(readdirSync(scratch.path).sort(), ['moved', 'second']);
  });

  it('does not throw, and lets go of its descriptors, when path or folder are gone', () => {
    const before = descriptors();
    const folder = scratch.folder('p');
    const bound = scratch.bind({ path: `${folder}/s` });
    unlinkSync(`${folder}/s`);
    rmdirSync(folder);
    closeSync(bound.fd);
    bound.release();
    assert.equal(descriptors(), before);
  });

  it('does not throw when the folder may not be written any more', () => {
    const folder = scratch.folder('p');
    const bound = scratch.bind({ path: `${folder}/s` });
    chmodSync(folder, 0o555);
    closeSync(bound.fd);
    bound.release();
    chmodSync(folder, 0o755);
    assert.equal(existsSync(`${folder}/s`), process.geteuid?.() !== 0);
  });

  it('leaves the path, and does not hang, while another gateway is at the name', () => {
    const bound = scratch.bind({ path });
    closeSync(bound.fd);
    const { folder } = walkToParent(path, new Set());
    const lock = NameLock.take(folder, 's', 0);
    assert.ok(lock instanceof NameLock);
    const started = performance.now();
    bound.release();
    assert.ok(performance.now() - started < 2_000);
    lock.release();
    folder.close();
    assert.equal(existsSync(path), true);
    const next = scratch.bind({ path });
    assert.equal(next.replacedStale, true);
    closeSync(next.fd);
  });
});
