import assert from 'node:assert/strict';
import fc from 'fast-check';
import { decodeLine, decodeText, fieldText, latin1Text, parseUint } from '../../dist/proc/decode.js';
import { bytes } from './fixtures.js';

describe('decoding of kernel text', () => {
  it('refuses bytes that are not UTF-8 instead of replacing them', () => {
    for (const hex of ['ff', 'c080', 'eda080', 'f4908080', '61e282']) assert.equal(decodeText(Buffer.from(hex, 'hex')), undefined);
  });

  it('keeps a byte order mark, which is part of a name like any other character', () => {
    assert.equal(decodeText(bytes('\ufeffa')), '\ufeffa');
  });

  it('refuses more bytes than it was told to expect', () => {
    assert.equal(decodeText(bytes('abcd'), 3), undefined);
    assert.equal(latin1Text(bytes('abcd'), 3), undefined);
    assert.equal(decodeText(bytes('abc'), 3), 'abc');
  });

  it('reads labels with and without their NUL or newline', () => {
    assert.equal(decodeLine(bytes('kernel\0')), 'kernel');
    assert.equal(decodeLine(bytes('unconfined')), 'unconfined');
    assert.equal(decodeLine(bytes('unconfined\n')), 'unconfined');
    assert.equal(decodeLine(bytes('a\0b\0')), undefined);
    assert.equal(decodeLine(bytes('a\nb\n')), undefined);
  });

  it('gives back every text that was encoded', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => decodeText(bytes(text)) === text));
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => fieldText(bytes(text).toString('latin1')) === text));
  });

  it('takes decimal digits for a number, and nothing else', () => {
    assert.equal(parseUint('4294967295'), 4294967295);
    for (const text of ['', ' 1', '1 ', '-1', '+1', '0x1', '1e3', '9007199254740993', '1\n', undefined]) assert.equal(parseUint(text), undefined);
    assert.equal(parseUint('256', 255), undefined);
  });
});
