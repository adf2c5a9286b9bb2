import assert from 'node:assert/strict';
import { fuzzFactor, fuzzMs } from '@portcullis/testkit';
import fc from 'fast-check';
import { SCM_CREDENTIALS, SCM_PIDFD, SCM_RIGHTS, SCM_SECURITY, SOL_SOCKET } from '../../dist/ffi/constants.js';
import { parseControl } from '../../dist/ffi/cmsg.js';
import { SysFailure } from '../../dist/ffi/errno.js';

/** One control message as the kernel lays it out, padded to eight bytes. */
function message(type: number, data: Uint8Array, { level = SOL_SOCKET, claimed = 16 + data.length } = {}): Uint8Array {
  const bytes = Buffer.alloc(Math.ceil((16 + data.length) / 8) * 8);
  bytes.writeBigUInt64LE(BigInt(claimed), 0);
  bytes.writeInt32LE(level, 8);
  bytes.writeInt32LE(type, 12);
  bytes.set(data, 16);
  return bytes;
}

const ints = (...values: readonly number[]): Uint8Array => new Uint8Array(Int32Array.from(values).buffer);
const all = (...messages: readonly Uint8Array[]): Uint8Array => Buffer.concat(messages);
const parsed = (bytes: Uint8Array) => parseControl(bytes, bytes.length);

describe('control messages', function () {
  this.timeout(fuzzMs(60_000));

  it('are read in the order that the kernel writes them', () => {
    const found = parsed(all(
      message(SCM_CREDENTIALS, ints(812, 1000, -1)), message(SCM_SECURITY, Buffer.from('unconfined')),
      message(SCM_RIGHTS, ints(7, 8, 9)), message(SCM_PIDFD, ints(11)),
    ));
    assert.deepEqual(found, { credentials: { pid: 812, uid: 1000, gid: 0xffff_ffff }, label: new Uint8Array(Buffer.from('unconfined')), pidfd: 11, rights: [7, 8, 9], malformed: false });
  });

  it('of other levels and types are passed over', () => {
    const found = parsed(all(message(SCM_RIGHTS, ints(7), { level: 41 }), message(29, ints(1, 2, 3, 4)), message(SCM_PIDFD, ints(5))));
    assert.deepEqual([found.rights, found.pidfd, found.malformed], [[], 5, false]);
  });

  it('keep a label that memory is used again for', () => {
    const bytes = message(SCM_SECURITY, Buffer.from('one'));
    const { label } = parsed(bytes);
    bytes.fill(0);
    assert.equal(Buffer.from(label ?? []).toString(), 'one');
  });

  it('say why the kernel could not make a pidfd', () => {
    const { pidfd } = parsed(message(SCM_PIDFD, ints(-24)));
    assert.ok(pidfd instanceof SysFailure);
    assert.equal(pidfd.errno, 24);
  });

  it('name every descriptor for closing, also where the form is wrong', () => {
    const twice = parsed(all(message(SCM_PIDFD, ints(5)), message(SCM_PIDFD, ints(6))));
    assert.deepEqual([twice.malformed, twice.pidfd, twice.rights], [true, 5, [6]]);
    const torn = parsed(all(message(SCM_RIGHTS, Uint8Array.of(...ints(3, 4), 9)), message(SCM_RIGHTS, ints(5)), message(SCM_CREDENTIALS, ints(1))));
    assert.deepEqual([torn.malformed, torn.rights], [true, [3, 4, 5]]);
    const cut = parsed(all(message(SCM_RIGHTS, ints(3)), message(SCM_RIGHTS, ints(5), { claimed: 4096 })));
    assert.deepEqual([cut.malformed, cut.rights], [true, [3]]);
  });

  for (const claimed of [0, 15, 25, 4096, Number.MAX_SAFE_INTEGER]) {
    it(`of a length of ${String(claimed)} end the reading`, () => {
      assert.deepEqual(parsed(all(message(SCM_PIDFD, ints(5), { claimed }))), { credentials: undefined, label: undefined, pidfd: undefined, rights: [], malformed: true });
    });
  }

  it('contradicting each other are malformed', () => {
    const credentials = message(SCM_CREDENTIALS, ints(1, 2, 3));
    const label = message(SCM_SECURITY, Buffer.from('one'));
    assert.deepEqual([parsed(all(credentials, credentials)).malformed, parsed(all(label, label)).malformed], [true, true]);
  });

  it('T21: made of anything are read within their length, in linear time, and never throw', () => {
    const wild = fc.uint8Array({ maxLength: 200 });
    const tame = fc.array(fc.tuple(fc.integer({ min: 0, max: 6 }), fc.uint8Array({ maxLength: 40 }), fc.option(fc.integer({ min: 0, max: 300 }))), { maxLength: 6 })
      .map((parts) => all(...parts.map(([type, data, claimed]) => message(type, data, claimed === null ? {} : { claimed }))));
    fc.assert(fc.property(fc.oneof(wild, tame), fc.nat(400), fc.uint8Array({ maxLength: 64 }), (bytes, length, beyond) => {
      const room = Buffer.concat([bytes, beyond]);
      const within = Math.min(length, bytes.length);
      const found = parseControl(room, within);
      // What lies beyond its length has no part in the answer.
      assert.deepEqual(found, parseControl(bytes.slice(0, within), within));
      assert.deepEqual(found, parseControl(bytes.slice(0, within), Number.MAX_SAFE_INTEGER));
      assert.ok(found.rights.length <= within / 4 && found.rights.every((fd) => fd >= 0));
      assert.ok((found.label?.length ?? 0) <= within);
    }), { numRuns: Math.ceil(3000 * fuzzFactor()) });
  });

  it('T21: of any descriptors are all named, whatever else is between them', () => {
    const other = fc.constantFrom(message(29, ints(1, 2)), message(SCM_SECURITY, Buffer.from('label')), message(SCM_CREDENTIALS, ints(1, 2, 3)));
    const some = fc.array(fc.nat(0x7fff_ffff), { minLength: 1, maxLength: 253 });
    fc.assert(fc.property(fc.array(fc.oneof(other, some), { maxLength: 6 }), (parts) => {
      const found = parsed(all(...parts.map((part) => part instanceof Uint8Array ? part : message(SCM_RIGHTS, ints(...part)))));
      assert.deepEqual(found.rights, parts.flatMap((part) => part instanceof Uint8Array ? [] : part));
    }), { numRuns: Math.ceil(300 * fuzzFactor()) });
  });
});
