import assert from 'node:assert/strict';
import fc from 'fast-check';
import { AT_ENTRY, AT_RANDOM, AT_SECURE, parseAuxv, parseAuxvPairs } from '../../dist/proc/parse-auxv.js';
import { parseExecutableMaps } from '../../dist/proc/parse-maps.js';
import { fixture, hostile } from './fixtures.js';

function print(pairs: readonly (readonly [bigint, bigint])[], littleEndian = true): Buffer {
  const buffer = Buffer.alloc(16 * pairs.length);
  pairs.flat().forEach((word, index) => (littleEndian ? buffer.writeBigUInt64LE(word, 8 * index) : buffer.writeBigUInt64BE(word, 8 * index)));
  return buffer;
}

describe('parse-auxv', () => {
  it('finds the entry point inside an executable mapping of the same process', () => {
    const entry = parseAuxv(fixture('podman-cgroupfs-hybrid/auxv'))?.entry;
    const mappings = parseExecutableMaps(fixture('podman-cgroupfs-hybrid/maps'));
    assert.ok(entry !== undefined && mappings?.some((mapping) => mapping.start <= entry && entry < mapping.end));
  });

  it('says that an ordinary exec gained nothing, and where its random bytes are', () => {
    const auxv = parseAuxv(fixture('host-hybrid/auxv'));
    assert.equal(auxv?.secure, false);
    assert.ok(auxv.random !== undefined && auxv.random > 0n);
  });

  it('reads both byte orders, and 64 bits of each', () => {
    const pairs = [[AT_SECURE, 1n], [AT_ENTRY, 0xffff_ffff_ffff_fff0n], [AT_RANDOM, 1n << 63n], [0n, 0n]] as const;
    for (const little of [true, false]) {
      assert.deepEqual(parseAuxv(print(pairs, little), little), { secure: true, entry: 0xffff_ffff_ffff_fff0n, random: 1n << 63n });
    }
  });

  it('refuses the words of a 32-bit process, a vector without its end, a type that comes twice, a flag that is none', () => {
    const narrow = Buffer.alloc(32);
    [23, 0, 25, 0x1000, 0, 0].forEach((word, index) => narrow.writeUInt32LE(word, 4 * index));
    assert.equal(parseAuxv(narrow), undefined);
    assert.equal(parseAuxv(print([[AT_SECURE, 0n]])), undefined);
    assert.equal(parseAuxv(print([[AT_SECURE, 0n], [AT_SECURE, 1n], [0n, 0n]])), undefined);
    assert.equal(parseAuxv(print([[AT_SECURE, 2n], [0n, 0n]])), undefined);
    assert.equal(parseAuxv(new Uint8Array(0)), undefined);
  });

  it('gives back the pairs that were printed', () => {
    const word = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
    const pairs = fc.uniqueArray(fc.tuple(fc.bigInt({ min: 1n, max: 0xffffn }), word), { selector: ([type]) => type, maxLength: 40 });
    fc.assert(fc.property(pairs, fc.boolean(), (list, little) => { assert.deepEqual([...(parseAuxvPairs(print([...list, [0n, 0n]], little), little) ?? [])], list); }));
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(fc.property(hostile('host-hybrid/auxv'), fc.boolean(), (noise, little) => (parseAuxv(noise, little), true)));
  });
});
