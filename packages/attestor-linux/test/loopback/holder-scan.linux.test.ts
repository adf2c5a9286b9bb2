import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Unknown } from '@portcullis/core';
import { HolderFinder } from '../../dist/loopback/holder-finder.js';
import { scanHoldersRacy } from '../../dist/loopback/holder-scan.js';
import { needLinux } from '../support/features.js';

describe('the scan for holders of a socket', () => {
  let proc: string;
  before(function () { needLinux(this); });
  beforeEach(() => { proc = mkdtempSync('/tmp/portcullis-proc-'); });
  afterEach(() => { rmSync(proc, { recursive: true }); });

  const ROOMY = { descriptors: 100, ms: 60_000 };

  /** A process with these links, by number from 0. */
  function has(pid: number, ...links: readonly string[]): void {
    mkdirSync(join(proc, String(pid), 'fd'), { recursive: true });
    links.forEach((link, fd) => { symlinkSync(link, join(proc, String(pid), 'fd', String(fd))); });
  }

  it('says of each socket who was seen with it first, under which number, and how many have it', () => {
    has(10, '/dev/null', 'socket:[5]', 'socket:[5]', 'pipe:[6]');
    has(20, 'socket:[6]', 'socket:[5]');
    mkdirSync(join(proc, 'sys'));
    const { holders, hidden } = scanHoldersRacy([5, 6, 7], ROOMY, proc);
    assert.deepEqual([...holders].sort((a, b) => a.inode - b.inode), [{ inode: 5, pid: 10, foreignFd: 1, processes: 2 }, { inode: 6, pid: 20, foreignFd: 0, processes: 1 }]);
    assert.equal(hidden, 0);
  });

  it('takes no file for a socket that is only called like one', () => {
    has(10, '/tmp/socket:[5]', 'socket:[5] (deleted)', 'socket:[05x]', 'socket:[99999999999]', 'xsocket:[5]', 'socket:[]');
    assert.deepEqual(scanHoldersRacy([5], ROOMY, proc).holders, []);
  });

  it('ends, and says so, at more descriptors or more time than it may have', () => {
    has(10, 'socket:[5]', 'socket:[6]');
    assert.match(scanHoldersRacy([5], { ...ROOMY, descriptors: 1 }, proc).stopped ?? '', /more than 1 descriptors/);
    assert.match(scanHoldersRacy([5], { ...ROOMY, ms: -1 }, proc).stopped ?? '', /longer/);
  });

  it('I4, T20: knows no holder of anybody where one user has more descriptors than are looked at: each could be another holder', () => {
    has(10, 'socket:[5]');
    has(20, ...Array.from({ length: 50 }, () => 'socket:[6]'));
    const limits = { ...ROOMY, descriptors: 40 };
    assert.deepEqual(scanHoldersRacy([5], limits, proc), { holders: [], hidden: 0, stopped: 'there are more than 40 descriptors' });
    rmSync(join(proc, '20'), { recursive: true });
    assert.deepEqual(scanHoldersRacy([5], limits, proc).holders.map(({ pid }) => pid), [10]);
  });

  it('answers nobody after it was closed or the admission ended', async () => {
    const finder = new HolderFinder();
    const aborted = new AbortController();
    const asked = [finder.find(1), finder.find(2, aborted.signal), finder.find(3, AbortSignal.abort())];
    aborted.abort();
    await finder.close();
    const whys = (await Promise.all(asked)).map((answer) => (answer as Unknown).why);
    assert.deepEqual(whys, ['system-error', 'timeout', 'timeout']);
  });
});
