import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isFullIdentity, parseIdMap } from '../../dist/proc/parse-id-map.js';
import { bytes, fixture, hostile } from './fixtures.js';

function isFull(text: string | Buffer): boolean | undefined {
  const extents = parseIdMap(typeof text === 'string' ? bytes(text) : text);
  return extents && isFullIdentity(extents);
}

describe('parse-id-map', () => {
  it('knows the full identity from the map of a user namespace', () => {
    assert.equal(isFull(fixture('host-hybrid/uid_map')), true);
    assert.equal(isFull(fixture('host-hybrid/gid_map')), true);
    assert.equal(isFull(fixture('user-namespace/uid_map')), false);
  });

  it('knows it in several extents and in any order, and not with a gap, an overlap or a shift', () => {
    assert.equal(isFull('1000 1000 4294966295\n0 0 1000\n'), true);
    assert.equal(isFull('0 0 1000\n1001 1001 4294966294\n'), false);
    assert.equal(isFull('0 0 1000\n999 999 4294966296\n'), false);
    assert.equal(isFull('0 1 4294967294\n'), false);
    assert.equal(isFull('0 0 4294967294\n'), false);
    assert.equal(isFull('0 100000 65536\n'), false);
    assert.equal(isFull(''), false);
  });

  it('refuses what no kernel prints', () => {
    for (const text of ['\n', '0 0\n', '0 0 0\n', '0 0 4294967296\n', '0 0 1 1\n', '0 0 1', '-1 0 1\n', '0 0 1\n'.repeat(341)]) assert.equal(parseIdMap(bytes(text)), undefined, JSON.stringify(text));
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(fc.property(hostile('host-hybrid/uid_map'), (noise) => (isFullIdentity(parseIdMap(noise) ?? []), true)));
  });
});
