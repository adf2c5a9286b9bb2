import assert from 'node:assert/strict';
import fc from 'fast-check';
import { NGROUPS } from '../../dist/ffi/constants.js';
import {
  AUDIT_TOKEN_SIZE,
  PROC_UNIQIDENTIFIERINFO_SIZE,
  UUID_SIZE,
  XUCRED_SIZE,
  decodeAuditToken,
  decodeUniqueIdentifiers,
  decodeUuid,
  decodeXucred,
} from '../../dist/ffi/layout.js';
import { auditTokenBytes, xucredBytes } from '../structures.js';

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });

// The bytes are laid out by hand after the headers of xnu-11417.101.15, not captured on a Mac.
describe('attestor-darwin: layout', () => {
  it('has the sizes of the C structures', () => {
    assert.equal(XUCRED_SIZE, 4 + 4 + 2 + 2 + 4 * NGROUPS);
    assert.equal(AUDIT_TOKEN_SIZE, 8 * 4);
    assert.equal(PROC_UNIQIDENTIFIERINFO_SIZE, 16 + 8 + 8 + 4 + 4 + 2 * 8);
    assert.equal(UUID_SIZE, 16);
  });

  it('decodes an xucred byte by byte', () => {
    const bytes = Buffer.alloc(XUCRED_SIZE);
    bytes.set([0xf5, 0x01, 0, 0], 4); // uid 501
    bytes.set([2, 0], 8);
    bytes.set([20, 0, 0, 0, 80, 0, 0, 0], 12); // staff, admin
    assert.deepEqual(decodeXucred(bytes), { uid: 501, gid: 20, groups: [20, 80] });
  });

  it('decodes an audit token byte by byte', () => {
    const bytes = Buffer.alloc(AUDIT_TOKEN_SIZE);
    for (let word = 0; word < 8; word += 1) bytes[4 * word] = word + 1;
    bytes.set([0xff, 0xff, 0xff, 0xff], 0); // nobody logged in
    assert.deepEqual(decodeAuditToken(bytes), {
      auditUid: 0xffff_ffff,
      effectiveUid: 2,
      effectiveGid: 3,
      realUid: 4,
      realGid: 5,
      pid: 6,
      auditSession: 7,
      pidVersion: 8,
    });
  });

  it('decodes unique identifiers byte by byte', () => {
    const bytes = Buffer.alloc(PROC_UNIQIDENTIFIERINFO_SIZE);
    for (let index = 0; index < 16; index += 1) bytes[index] = 0xf0 | index;
    bytes.set([1, 0, 0, 0, 0, 0, 0, 0x80], 16);
    bytes[24] = 2;
    bytes.set([0xfe, 0xff, 0xff, 0xff], 32); // -2 as an i32
    assert.deepEqual(decodeUniqueIdentifiers(bytes), {
      executableUuid: 'f0f1f2f3-f4f5-f6f7-f8f9-fafbfcfdfeff',
      uniqueId: 0x8000_0000_0000_0001n,
      parentUniqueId: 2n,
      idVersion: 0xffff_fffe,
    });
  });

  it('reads an id version as the same number that an audit token carries', () => {
    fc.assert(
      fc.property(u32, (version) => {
        const bytes = Buffer.alloc(PROC_UNIQIDENTIFIERINFO_SIZE);
        bytes.writeUInt32LE(version, 32);
        const token = decodeAuditToken(auditTokenBytes({ pidVersion: version }));
        assert.equal(decodeUniqueIdentifiers(bytes)?.idVersion, token?.pidVersion);
      }),
    );
  });

  it('gives back every xucred that the kernel can fill in', () => {
    fc.assert(
      fc.property(u32, fc.array(u32, { minLength: 1, maxLength: NGROUPS }), (uid, groups) => {
        assert.deepEqual(decodeXucred(xucredBytes({ uid, groups })), { uid, gid: groups[0], groups });
      }),
    );
  });

  it('reads at the right place where the bytes are a part of a larger buffer', () => {
    const large = Buffer.alloc(XUCRED_SIZE + 8, 0xaa);
    xucredBytes({ uid: 7, groups: [9] }).copy(large, 3);
    assert.equal(decodeXucred(large.subarray(3, 3 + XUCRED_SIZE))?.uid, 7);
  });

  it('refuses an xucred of another version', () => {
    assert.equal(decodeXucred(xucredBytes({ version: 1 })), undefined);
  });

  it('refuses an xucred without groups rather than read gid 0 out of it', () => {
    assert.equal(decodeXucred(xucredBytes({ groups: [] })), undefined);
  });

  it('refuses a group count that the structure cannot hold', () => {
    for (const ngroups of [-1, NGROUPS + 1, 0x7fff]) {
      const bytes = xucredBytes({});
      bytes.writeInt16LE(ngroups, 8);
      assert.equal(decodeXucred(bytes), undefined, String(ngroups));
    }
  });

  it('refuses an answer of any other length', () => {
    for (const [decode, size] of [
      [decodeXucred, XUCRED_SIZE],
      [decodeAuditToken, AUDIT_TOKEN_SIZE],
      [decodeUniqueIdentifiers, PROC_UNIQIDENTIFIERINFO_SIZE],
      [decodeUuid, UUID_SIZE],
    ] as const) {
      for (const length of [0, size - 1, size + 1]) assert.equal(decode(Buffer.alloc(length)), undefined);
    }
  });

  it('freezes what it decodes', () => {
    const xucred = decodeXucred(xucredBytes({}));
    assert.ok(Object.isFrozen(xucred) && Object.isFrozen(xucred?.groups));
    assert.ok(Object.isFrozen(decodeAuditToken(auditTokenBytes({}))));
  });
});
