import assert from 'node:assert/strict';
import type { PeerCredentials } from '@portcullis/core';
import { delegation, imageContradiction, tokenChange, tokenContradiction } from '../dist/contradiction.js';
import { decodeAuditToken, type AuditToken, type UniqueIdentifiers } from '../dist/ffi/layout.js';
import { auditTokenBytes } from './structures.js';

const connector = { pid: 812, uid: 501, gid: 20 } as PeerCredentials;
const token = (fields: Parameters<typeof auditTokenBytes>[0]): AuditToken => decodeAuditToken(auditTokenBytes(fields))!;
const live = (fields: Partial<UniqueIdentifiers>): UniqueIdentifiers => ({ executableUuid: 'a', uniqueId: 1n, parentUniqueId: 1n, idVersion: 1, ...fields });

describe('attestor-darwin: contradictions', () => {
  it('refuses a token of another user than the one that connected (T23)', () => {
    const refusal = tokenContradiction(connector, token({ euid: 0 }));
    assert.equal(refusal?.refused, 'peer-changed');
    assert.equal(refusal.credentials?.uid, 501);
  });

  it('refuses a token of another process than the socket named before', () => {
    assert.equal(tokenContradiction(connector, token({ pid: 813 }))?.refused, 'peer-changed');
  });

  it('finds nothing against a token of the same user and process', () => {
    assert.equal(tokenContradiction(connector, token({})), undefined);
  });

  it('refuses who uses the socket in the name of another', () => {
    assert.equal(delegation(connector, 1)?.refused, 'peer-changed');
    assert.equal(delegation(connector, 812), undefined);
  });

  it('refuses a process that runs another executable than when it first used the socket (T2)', () => {
    assert.equal(imageContradiction(connector, token({}), 'a', live({ executableUuid: 'b' }))?.refused, 'peer-changed');
    assert.equal(imageContradiction(connector, token({}), 'a', live({})), undefined);
  });

  it('refuses a live process of another pid version than the token (T1)', () => {
    assert.equal(imageContradiction(connector, token({}), 'a', live({ idVersion: 2 }))?.refused, 'peer-changed');
  });

  it('refuses a peer whose pid version moved on: it did exec, or the pid was reused (T1, T2)', () => {
    assert.equal(tokenChange(connector, token({ pidVersion: 7 }), token({ pidVersion: 8 }))?.refused, 'peer-changed');
  });

  it('refuses a connection that another process used in between (T9)', () => {
    assert.equal(tokenChange(connector, token({ pid: 812 }), token({ pid: 813 }))?.refused, 'peer-changed');
  });

  it('refuses a process that changed its user in between', () => {
    assert.equal(tokenChange(connector, token({}), token({ euid: 0 }))?.refused, 'peer-changed');
  });

  it('accepts the same token twice', () => {
    assert.equal(tokenChange(connector, token({}), token({})), undefined);
  });
});
