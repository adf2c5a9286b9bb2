import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { isRefusal, type Finding, type Peer } from '@portcullis/core';
import { attestorConformance } from '@portcullis/core/conformance';
import { fakePeerSource } from '@portcullis/core/testing';
import { AcmeAttestor } from 'portcullis-attestor-acme';

const folder = mkdtempSync(join(tmpdir(), 'acme-'));
const file = join(folder, 'table.json');
after(() => { rmSync(folder, { recursive: true, force: true }); });

function prepared(table: object): AcmeAttestor {
  writeFileSync(file, JSON.stringify(table), { mode: 0o644 });
  const attestor = new AcmeAttestor({ file });
  attestor.prepare();
  return attestor;
}

function peerOf(uid: number): Peer {
  const peer = fakePeerSource({ uid }).open({ fd: undefined, origin: undefined });
  if (isRefusal(peer)) throw new Error(peer.detail);
  return peer;
}

function label(attestor: AcmeAttestor, uid: number): Finding | undefined {
  return attestor.attest(peerOf(uid), new Set(['acme:label'])).get('acme:label');
}

// What every attestor must hold to. That the facts are right, only tests of your own can show: those below.
attestorConformance({ describe: (title, define) => void describe(title, define), it: (title, run) => void it(title, run) }, {
  setup: () => ({ attestor: prepared({ 1000: ['red', 'blue', 'red'] }), open: () => peerOf(1000) }),
});

describe('labels', () => {
  it('are those of the user', () => {
    assert.deepEqual(label(prepared({ 1000: ['red', 'blue'] }), 1000), { state: 'present', values: ['blue', 'red'] });
  });

  it('are absent of a user who is not in the table', () => {
    assert.equal(label(prepared({ 1000: ['red'] }), 1001)?.state, 'absent');
  });

  it('are unknown, and not absent, before the table was read', () => {
    assert.equal(label(new AcmeAttestor({ file }), 1000)?.state, 'unknown');
  });

  it('stay as they were where a new table is broken', () => {
    const attestor = prepared({ 1000: ['red'] });
    writeFileSync(file, '{');
    assert.throws(() => attestor.prepare());
    assert.equal(label(attestor, 1000)?.state, 'present');
  });
});
