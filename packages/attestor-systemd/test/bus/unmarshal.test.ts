import assert from 'node:assert/strict';
import fc from 'fast-check';
import { DESCRIPTOR, encodeCall } from '../../dist/bus/marshal.js';
import { decodeBody, decodeMessage, Malformed, messageLength } from '../../dist/bus/unmarshal.js';

const CALL = encodeCall({ serial: 7, destination: ':1.0', path: '/org/x', interface: 'org.x.Y', member: 'Get', args: ['org.x.Y', 4711] });
describe('messages of D-Bus', () => {
  it('are encoded as they are decoded', () => {
    assert.equal(messageLength(CALL), CALL.length);
    const message = decodeMessage(CALL);
    assert.deepEqual([message.type, message.signature, message.replySerial], ['other', 'su', undefined]);
    assert.equal(message.body.bytes.length, 4 + 8 + 4);
  });

  it('name the descriptor that is sent beside them, and how many there are', () => {
    const call = encodeCall({ serial: 7, destination: ':1.0', path: '/org/x', interface: 'org.x.Y', member: 'Get', args: [DESCRIPTOR] });
    const { signature, body } = decodeMessage(call);
    assert.deepEqual([signature, [...body.bytes]], ['h', [0, 0, 0, 0]]);
    assert.ok(call.includes(Buffer.from([9, 1, 0x75, 0, 1, 0, 0, 0]))); // UNIX_FDS, a variant of `u`
    assert.equal(CALL.includes(Buffer.from([9, 1, 0x75, 0])), false);
  });

  it('are cut off beyond 64 KiB, before they are read', () => {
    const head = Buffer.from(CALL.subarray(0, 16));
    head.writeUInt32LE(64 * 1024, 4);
    assert.throws(() => messageLength(head), Malformed);
    head.writeUInt32LE(0xffff_fff0, 12);
    assert.throws(() => messageLength(head), Malformed);
    assert.equal(messageLength(head.subarray(0, 15)), undefined);
  });

  it('of hostile bytes are malformed, or a message: nothing else is thrown, and nothing read beyond them (I11)', () => {
    fc.assert(fc.property(fc.uint8Array({ minLength: 16, maxLength: 200 }), fc.array(fc.tuple(fc.nat(CALL.length - 1), fc.nat(255)), { maxLength: 6 }), (noise, changes) => {
      const changed = Buffer.from(CALL);
      for (const [at, byte] of changes) changed[at] = byte;
      for (const bytes of [changed, Buffer.concat([CALL.subarray(0, 4), Buffer.from(noise)])]) {
        try {
          const length = messageLength(bytes);
          if (length === undefined || length > bytes.length) continue;
          const { body, signature } = decodeMessage(bytes.subarray(0, length));
          decodeBody(signature, body);
        } catch (error) {
          if (!(error instanceof Malformed)) throw error;
        }
      }
    }), { numRuns: 3000 });
  });

  it('have bodies of values of the types that are asked for, in either byte order', () => {
    const text = (length: number[], bytes: string) => Buffer.concat([Buffer.from(length), Buffer.from(bytes)]);
    assert.deepEqual(decodeBody('s', { bytes: text([3, 0, 0, 0], 'abc\0'), littleEndian: true }), ['abc']);
    assert.deepEqual(decodeBody('s', { bytes: text([0, 0, 0, 3], 'abc\0'), littleEndian: false }), ['abc']);
    assert.deepEqual(decodeBody('oay', { bytes: text([1, 0, 0, 0, 0x2f, 0, 0, 0, 2, 0, 0, 0], 'ab'), littleEndian: true }), ['/', Buffer.from('ab')]);
    assert.throws(() => decodeBody('oay', { bytes: text([1, 0, 0, 0], '/\0'), littleEndian: true }), Malformed);
    assert.deepEqual(decodeBody('v', { bytes: text([2, 0x61, 0x79, 0, 2, 0, 0, 0], 'ab'), littleEndian: true }), [Buffer.from('ab')]);
    for (const bytes of [text([3, 0, 0, 0], 'ab\0'), text([3, 0, 0, 0], 'a\0c\0'), text([3, 0, 0, 0], 'abcd'), text([1, 0, 0, 0], 'a\0b'), Buffer.from([1, 0, 0, 0, 0xff, 0])]) {
      assert.throws(() => decodeBody('s', { bytes, littleEndian: true }), Malformed);
    }
    assert.throws(() => decodeBody('a{sv}', { bytes: Buffer.alloc(8), littleEndian: true }), Malformed);
    assert.throws(() => decodeBody('v', { bytes: text([1, 0x76, 0, 1, 0x75, 0, 0, 0], '\0\0\0\0'), littleEndian: true }), Malformed);
  });
});
