import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ENOSYS, SysFailure } from '../../dist/ffi/errno.js';
import { cPath } from '../../dist/ffi/file.js';
import { libc, type Libc } from '../../dist/ffi/libc.js';
import { statPath } from '../../dist/ffi/statx.js';
import { leadsTo } from '../../dist/image/host-path.js';
import { openDescriptors } from '../support/descriptors.js';
import { needLinux } from '../support/features.js';

describe('whether a path leads to the very file that runs', () => {
  let folder: string;
  before(function () { needLinux(this); });
  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'portcullis-')));
    mkdirSync(join(folder, 'bin'));
    writeFileSync(join(folder, 'bin/git'), '');
    writeFileSync(join(folder, 'other'), '');
    symlinkSync('bin', join(folder, 'link'));
    symlinkSync('bin/git', join(folder, 'git'));
  });
  afterEach(() => { rmSync(folder, { recursive: true }); });

  const leads = (path: string): boolean | SysFailure => {
    const exe = statPath(cPath(join(folder, 'bin/git')), 'the exe');
    assert.ok(!(exe instanceof SysFailure));
    return leadsTo(Buffer.from(path), exe);
  };

  function check(): void {
    const before = openDescriptors();
    const there = process.cwd();
    process.chdir(folder);
    try {
      assert.deepEqual(['bin/git', 'other', 'link/git', 'git', 'nothing', 'bin/git/more'].map((name) => leads(`${folder}/${name}`)), [true, false, false, false, false, false]);
      assert.deepEqual([leads('/proc/self/cwd/bin/git'), leads('bin/git'), leads('/')], [false, false, false]);
    } finally {
      process.chdir(there);
    }
    assert.equal(openDescriptors(), before);
  }

  it('follows no link, at the end or on the way (T5)', () => {
    check();
  });

  it('says the same where openat2 is not to be had', () => {
    const functions: { -readonly [Name in keyof Libc]: Libc[Name] } = libc();
    const { openat2, errno } = functions;
    let asked = 0;
    functions.openat2 = () => { asked += 1; functions.errno = () => { functions.errno = errno; return ENOSYS; }; return -1; };
    try {
      check();
    } finally {
      Object.assign(functions, { openat2, errno });
    }
    assert.equal(asked, 8); // not for a path that is not absolute
  });
});
