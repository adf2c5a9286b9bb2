import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { needLinux } from '../support/features.js';

const DIST = new URL('../../dist/', import.meta.url).href;

describe('a process that watches others', () => {
  before(function () { needLinux(this); });

  it('ends when nothing else keeps it, while those still run', () => {
    const script = `
      import { pidfdOpen } from '${DIST}ffi/pidfd.js';
      import { HeldProcess } from '${DIST}lease/held-process.js';
      HeldProcess.of(pidfdOpen(${String(process.pid)}), false).use(() => console.log('exited'));
    `;
    const { status, signal, stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8', timeout: 30_000 });
    assert.deepEqual([status, signal, stdout], [0, null, '']);
  });
});
