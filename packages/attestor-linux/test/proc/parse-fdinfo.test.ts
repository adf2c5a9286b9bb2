import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parsePidfdInfo } from '../../dist/proc/parse-fdinfo.js';
import { bytes, fixture, hostile } from './fixtures.js';

describe('parse-fdinfo', () => {
  it('tells a pinned process, a zombie included, from one that was reaped', () => {
    assert.deepEqual(parsePidfdInfo(fixture('pidfd-fdinfo/fdinfo.live')), { state: 'pinned', pid: 11178 });
    assert.deepEqual(parsePidfdInfo(fixture('pidfd-fdinfo/fdinfo.zombie')), { state: 'pinned', pid: 11223 });
    assert.deepEqual(parsePidfdInfo(fixture('pidfd-fdinfo/fdinfo.reaped')), { state: 'reaped' });
  });

  it('never takes pid 0 for a process', () => {
    assert.deepEqual(parsePidfdInfo(bytes('pos:\t0\nPid:\t0\n')), { state: 'invisible' });
  });

  it('refuses the fdinfo of another descriptor, two Pid lines and other numbers', () => {
    for (const text of ['pos:\t0\nflags:\t02\n', 'Pid:\t1\nPid:\t2\n', 'Pid:\t-2\n', 'Pid:\t\n', 'Pid:\t1', 'Pid: 1\n', 'Pid:\t4294967295\n', 'NSpid:\t1\n']) {
      assert.equal(parsePidfdInfo(bytes(text)), undefined, JSON.stringify(text));
    }
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(fc.property(hostile('pidfd-fdinfo/fdinfo.live'), (noise) => (parsePidfdInfo(noise), true)));
  });
});
