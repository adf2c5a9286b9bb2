import assert from 'node:assert/strict';
import { fuzzFactor, fuzzMs } from '@portcullis/testkit';
import fc from 'fast-check';
import { decodeMessage, encodeMessage } from '../../dist/ffi/netlink.js';
import { decodeSockaddr, formatEndpoint, isLoopback, mapped, type Endpoint } from '../../dist/ffi/sockaddr.js';
import { decodeAnswer, encodeQuery } from '../../dist/loopback/inet-diag.js';

const v4 = (text: string, port: number): Endpoint => ({ address: mapped(Buffer.from(text.split('.').map(Number))), port });
const ONE = Buffer.from('00000000000000000000000000000001', 'hex');

const CLIENT = v4('127.0.0.1', 43_424);
const SERVER = v4('127.0.0.1', 8765);

function answerFor(fields: { readonly family?: number; readonly local?: Endpoint; readonly remote?: Endpoint; readonly uid?: number; readonly inode?: number; readonly state?: number } = {}, attributes: Buffer = cgroup(77n)): Buffer {
  const { family = 2, local = CLIENT, remote = SERVER, uid = 1234, inode = 4711, state = 1 } = fields;
  const message = Buffer.alloc(72);
  message.set([family, state]);
  message.writeUInt16BE(local.port, 4);
  message.writeUInt16BE(remote.port, 6);
  message.set(family === 2 ? local.address.subarray(12) : local.address, 8);
  message.set(family === 2 ? remote.address.subarray(12) : remote.address, 24);
  message.writeBigUInt64LE(0x1_0000_0009n, 44);
  message.writeUInt32LE(uid, 64);
  message.writeUInt32LE(inode, 68);
  return Buffer.concat([message, attributes]);
}

function attribute(type: number, value: Uint8Array, length = value.length + 4): Buffer {
  const made = Buffer.alloc((value.length + 7) & ~3);
  made.writeUInt16LE(length, 0);
  made.writeUInt16LE(type, 2);
  made.set(value, 4);
  return made;
}

function cgroup(id: bigint): Buffer {
  const value = Buffer.alloc(8);
  value.writeBigUInt64LE(id);
  return attribute(21, value);
}

describe('sock_diag', function () {
  this.timeout(fuzzMs(60_000));

  it('asks for one connection: family, protocol, every state, ports and addresses in network order, the device `lo`, no cookie', () => {
    const query = encodeQuery(CLIENT, SERVER);
    assert.equal(query.toString('hex'), `02060000ffffffffa9a0223d7f000001${'00'.repeat(12)}7f000001${'00'.repeat(12)}01000000${'ff'.repeat(8)}`);
    assert.equal(encodeQuery({ address: ONE, port: 1 }, { address: ONE, port: 2 }, 5n).toString('hex'), `0a060000ffffffff00010002${ONE.toString('hex')}${ONE.toString('hex')}010000000500000000000000`);
  });

  it('reads state, uid, inode, cookie and cgroup of the connection', () => {
    assert.deepEqual(decodeAnswer(answerFor(), CLIENT, SERVER), { state: 1, uid: 1234, inode: 4711, cookie: 0x1_0000_0009n, cgroupId: 77n });
    const others = Buffer.concat([attribute(8, Buffer.from([0])), cgroup(9n), attribute(99, Buffer.alloc(5))]);
    assert.equal((decodeAnswer(answerFor({}, others), CLIENT, SERVER) as { cgroupId: bigint }).cgroupId, 9n);
    assert.equal((decodeAnswer(answerFor({}, Buffer.alloc(0)), CLIENT, SERVER) as { cgroupId?: bigint }).cgroupId, undefined);
  });

  it('reads what a kernel said: Linux 6.18 of root at 127.0.0.1:41168, connected to 127.0.0.1:8765', () => {
    const captured = Buffer.from('7c00000014000000010000001a3c000002010000a0d0223d7f0000010000000000000000000000007f000001000000000000000000000000000000002f2800000000000000000000000000000000000000000000c2fae302050008000000000008000f00000000000c00150001000000000000000600160052000000', 'hex');
    const payload = decodeMessage(captured, 20, 1);
    assert.ok(payload instanceof Uint8Array);
    assert.deepEqual(decodeAnswer(payload, v4('127.0.0.1', 41_168), SERVER), { state: 1, uid: 0, inode: 48_495_298, cookie: 10_287n, cgroupId: 1n });
  });

  it('takes an IPv6 socket with mapped addresses for the IPv4 connection that it is', () => {
    assert.equal((decodeAnswer(answerFor({ family: 10 }), CLIENT, SERVER) as { uid: number }).uid, 1234);
  });

  it('does not take another socket for the one that was asked for', () => {
    const others = [{ local: v4('127.0.0.2', 43_424) }, { local: v4('127.0.0.1', 43_425) }, { remote: v4('0.0.0.0', 0) }, { remote: v4('127.0.0.1', 8766) }, { family: 10, local: { address: ONE, port: 43_424 } }];
    for (const other of others) assert.equal(decodeAnswer(answerFor(other), CLIENT, SERVER), 'another');
  });

  it('refuses what is cut short, of another family, or has attributes that do not fit', () => {
    const whole = answerFor();
    for (let length = 0; length < 72; length += 1) assert.equal(decodeAnswer(whole.subarray(0, length), CLIENT, SERVER), undefined, String(length));
    assert.equal(decodeAnswer(answerFor({ family: 16 }), CLIENT, SERVER), undefined);
    const wrong = [Buffer.from([1, 2]), attribute(8, Buffer.alloc(4), 3), attribute(8, Buffer.alloc(4), 9), attribute(21, Buffer.alloc(4)), Buffer.concat([cgroup(1n), cgroup(2n)])];
    for (const attributes of wrong) assert.equal(decodeAnswer(answerFor({}, attributes), CLIENT, SERVER), undefined, attributes.toString('hex'));
  });

  it('T21: never reads beyond an answer, nor believes one about others, whatever the bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (noise, behind) => {
      const bytes = behind ? Buffer.concat([answerFor({}, Buffer.alloc(0)), noise]) : Buffer.from(noise);
      const answer = decodeAnswer(bytes, CLIENT, SERVER);
      if (typeof answer === 'object') assert.ok(behind && answer.uid === 1234 && answer.inode === 4711);
    }), { numRuns: Math.ceil(2000 * fuzzFactor()) });
    fc.assert(fc.property(fc.nat(71), fc.nat(255), (at, byte) => {
      const bytes = answerFor();
      bytes[at] = byte;
      const answer = decodeAnswer(bytes, CLIENT, SERVER);
      if (typeof answer === 'object') assert.ok(bytes.equals(answerFor()) || at === 1 || at === 2 || at === 3 || (at >= 12 && at < 24) || at >= 28, String(at));
    }), { numRuns: Math.ceil(2000 * fuzzFactor()) });
  });
});

describe('a netlink message', function () {
  this.timeout(fuzzMs(60_000));

  const payload = Buffer.from('payload!');

  it('is read where it is the one answer to the request', () => {
    assert.deepEqual(decodeMessage(encodeMessage(20, 7, payload), 20, 7), payload);
  });

  it('is not read where it answers another request, is of another kind, or has another length than it says', () => {
    const message = encodeMessage(20, 7, payload);
    assert.equal(decodeMessage(message, 20, 8), undefined);
    assert.equal(decodeMessage(message, 21, 7), undefined);
    assert.equal(decodeMessage(message.subarray(0, -1), 20, 7), undefined);
    assert.equal(decodeMessage(Buffer.concat([message, message]), 20, 7), undefined);
  });

  it('tells the errno of a refusal, and no acknowledgement for an answer', () => {
    const refused = (error: number): Buffer => {
      const body = Buffer.alloc(20);
      body.writeInt32LE(error);
      return encodeMessage(2, 7, body);
    };
    assert.deepEqual([-2, 0, 5, -5000].map((error) => decodeMessage(refused(error), 20, 7)), [2, undefined, undefined, undefined]);
    assert.equal(decodeMessage(encodeMessage(2, 7, Buffer.alloc(3)), 20, 7), undefined);
  });

  it('T21: is refused or an answer, whatever the bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (noise) => {
      const read = decodeMessage(Buffer.from(noise), 20, 7);
      assert.ok(read === undefined || typeof read === 'number' || read.length === noise.length - 16);
    }), { numRuns: Math.ceil(2000 * fuzzFactor()) });
  });
});

describe('the address of a socket', () => {
  const sockaddr = (hex: string): Endpoint | undefined => decodeSockaddr(Buffer.from(hex, 'hex'));

  it('is the same for an IPv4 socket and for an IPv6 one with a mapped address', () => {
    const four = sockaddr('02001f907f0000010000000000000000');
    const six = sockaddr('0a001f900000000000000000000000000000ffff7f00000100000000');
    assert.deepEqual(four, six);
    assert.equal(formatEndpoint(four!), '127.0.0.1:8080');
    assert.equal(formatEndpoint(sockaddr(`0a001f9000000000${ONE.toString('hex')}00000000`)!), '[0:0:0:0:0:0:0:1]:8080');
  });

  it('is a loopback one in 127.0.0.0/8 and at ::1, and nowhere else', () => {
    const six = (hex: string): boolean => isLoopback({ address: Buffer.from(hex, 'hex'), port: 1 });
    for (const text of ['127.0.0.1', '127.255.255.255']) assert.ok(isLoopback(v4(text, 1)), text);
    for (const text of ['126.255.255.255', '128.0.0.1', '0.0.0.0', '192.0.2.2']) assert.ok(!isLoopback(v4(text, 1)), text);
    assert.ok(six(ONE.toString('hex')));
    // ::, ::2, the compatible form ::127.0.0.1, a translated form, fe80::1, fd00::1
    for (const hex of ['00'.repeat(16), `${'00'.repeat(15)}02`, `${'00'.repeat(12)}7f000001`, `${'00'.repeat(8)}ffff00007f000001`, `fe80${'00'.repeat(13)}01`, `fd00${'00'.repeat(13)}01`]) assert.ok(!six(hex), hex);
  });

  it('is nothing where the family or the length is another', () => {
    for (const hex of ['', '02', '0200', '01002f746d702f73', '02001f907f00000100000000000000', '0a001f907f0000010000000000000000', `0a00${'00'.repeat(30)}`]) assert.equal(sockaddr(hex), undefined, hex);
  });
});
