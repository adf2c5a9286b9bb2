import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseOpenFilesLimit } from '../../dist/proc/parse-limits.js';
import { bytes, fixture, hostile } from './fixtures.js';

describe('parse-limits', () => {
  it('reads the soft and the hard limit of open files', () => {
    assert.deepEqual(parseOpenFilesLimit(fixture('host-hybrid/limits')), { soft: 20000, hard: 20000 });
    assert.deepEqual(parseOpenFilesLimit(fixture('podman-cgroupfs-hybrid/limits')), { soft: 4096, hard: 4096 });
    assert.deepEqual(parseOpenFilesLimit(bytes('Max open files            1024                 unlimited            files     \n')), { soft: 1024, hard: Infinity });
  });

  it('refuses no line, two lines, other units, and a soft limit above the hard one', () => {
    const line = 'Max open files            1024                 1024                 files     \n';
    for (const text of ['', line + line, line.replace('files     ', 'bytes     '), line.replace('1024 ', '2048 ')]) assert.equal(parseOpenFilesLimit(bytes(text)), undefined, text);
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(fc.property(hostile('host-hybrid/limits'), (noise) => (parseOpenFilesLimit(noise), true)));
  });
});
