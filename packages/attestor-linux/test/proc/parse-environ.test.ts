import assert from 'node:assert/strict';
import fc from 'fast-check';
import { lookupEnviron } from '../../dist/proc/parse-environ.js';
import { bytes, fixture } from './fixtures.js';

const captured = fixture('environ-cmdline/environ');

describe('parse-environ', () => {
  it('finds the first of two, as getenv does, and an empty value', () => {
    assert.deepEqual(lookupEnviron(captured, 'HTTP_PROXY', true), { state: 'present', values: ['http://proxy:3128'] });
    assert.deepEqual(lookupEnviron(captured, 'EMPTY', true), { state: 'present', values: [''] });
  });

  it('takes neither a part of a name, nor an entry without `=`, nor a value for a name', () => {
    for (const name of ['HTTP', 'PROXY', 'NOEQ', 'http_proxy', '', 'A=1', 'EMPTY\0NOEQ']) assert.equal(lookupEnviron(captured, name, true).state, 'absent', name);
  });

  it('decodes only the value that was asked for', () => {
    assert.equal(lookupEnviron(captured, 'A', true).state, 'present');
    const bad = lookupEnviron(captured, 'BAD', true);
    assert.equal(bad.state === 'unknown' && bad.why, 'undecodable');
  });

  it('never says absent, nor half a value, of an environment that was cut short', () => {
    for (let length = 0; length < captured.length; length += 1) {
      const cut = lookupEnviron(captured.subarray(0, length), 'HTTP_PROXY', false);
      if (cut.state === 'present') assert.deepEqual(cut.values, ['http://proxy:3128']);
      else assert.equal(cut.state === 'unknown' && cut.why, 'limit');
    }
    const long = lookupEnviron(bytes(`X=${'y'.repeat(65537)}\0`), 'X', true);
    assert.equal(long.state === 'unknown' && long.why, 'limit');
  });

  it('gives back every variable of a printed environment', () => {
    const name = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 6 }).map((text) => text.replaceAll('=', '_'));
    const value = fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => text.replaceAll('\0', ''));
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value)), (entries) => {
        const block = bytes(entries.map(([key, text]) => `${key}=${text}\0`).join(''));
        for (const [key] of entries) {
          const first = entries.find(([other]) => other === key);
          assert.deepEqual(lookupEnviron(block, key, true), { state: 'present', values: [first?.[1]] });
        }
      }),
    );
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(fc.property(fc.uint8Array(), fc.string(), fc.boolean(), (noise, name, complete) => (lookupEnviron(noise, name, complete), true)));
  });
});
