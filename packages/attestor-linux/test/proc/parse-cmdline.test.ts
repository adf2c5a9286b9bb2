import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseCmdline } from '../../dist/proc/parse-cmdline.js';
import { bytes, fixture } from './fixtures.js';

describe('parse-cmdline', () => {
  it('divides at NUL, keeps empty arguments, and is empty for zombies and kernel threads', () => {
    assert.deepEqual(parseCmdline(fixture('environ-cmdline/cmdline')), ['sleep', '3', '0', '0']);
    assert.deepEqual(parseCmdline(bytes('a\0\0b\0\0')), ['a', '', 'b', '']);
    assert.deepEqual(parseCmdline(fixture('zombie/cmdline')), []);
    assert.deepEqual(parseCmdline(fixture('kernel-thread/cmdline')), []);
  });

  it('takes a title without its NUL for one argument', () => {
    assert.deepEqual(parseCmdline(bytes('nginx: worker process')), ['nginx: worker process']);
  });

  it('refuses what is too long, too many or not UTF-8', () => {
    assert.equal(parseCmdline(Buffer.alloc(128 * 1024 + 1, 0x61)), undefined);
    assert.equal(parseCmdline(Buffer.alloc(4097)), undefined);
    assert.equal(parseCmdline(Buffer.from([0x61, 0xff, 0])), undefined);
  });

  it('gives back what was printed, and never throws', () => {
    const arg = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\0', ''));
    fc.assert(fc.property(fc.array(arg), (args) => { assert.deepEqual(parseCmdline(bytes(args.map((text) => `${text}\0`).join(''))), args); }));
    fc.assert(fc.property(fc.uint8Array(), (noise) => (parseCmdline(noise), true)));
  });
});
