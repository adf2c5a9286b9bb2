import assert from 'node:assert/strict';
import { decodeAuditToken, decodeXucred, type AuditToken, type Xucred } from '../dist/ffi/layout.js';
import { contradiction, credentialsOf, tokenChange } from '../dist/peer.js';
import { auditTokenBytes, xucredBytes } from './structures.js';

const frozen = (fields: Parameters<typeof xucredBytes>[0]): Xucred => decodeXucred(xucredBytes(fields))!;
const token = (fields: Parameters<typeof auditTokenBytes>[0]): AuditToken => decodeAuditToken(auditTokenBytes(fields))!;

describe('attestor-darwin: peer', () => {
  it('takes the ids from what was frozen at connect, never from the token', () => {
    assert.deepEqual(credentialsOf(frozen({ uid: 501, groups: [20, 80] }), token({ euid: 502, pid: 9 })), {
      pid: 9,
      uid: 501,
      gid: 20,
    });
  });

  it('refuses a token of another user than the one that connected (T23)', () => {
    const refusal = contradiction(frozen({ uid: 501 }), token({ euid: 0 }));
    assert.equal(refusal?.refused, 'peer-changed');
    assert.equal(refusal.credentials?.uid, 501);
  });

  it('finds nothing against a token of the same user', () => {
    assert.equal(contradiction(frozen({ uid: 501 }), token({ euid: 501 })), undefined);
  });

  it('refuses a peer whose pid version moved on: it did exec, or the pid was reused (T1, T2)', () => {
    assert.equal(tokenChange(token({ pidVersion: 7 }), token({ pidVersion: 8 }))?.refused, 'peer-changed');
  });

  it('refuses a connection that another process used in between (T9)', () => {
    assert.equal(tokenChange(token({ pid: 812 }), token({ pid: 813 }))?.refused, 'peer-changed');
  });

  it('accepts the same token twice', () => {
    assert.equal(tokenChange(token({}), token({})), undefined);
  });
});
