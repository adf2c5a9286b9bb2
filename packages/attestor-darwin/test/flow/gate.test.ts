import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { admissionOf, createGate, type Gate, type Revocation } from '@portcullis/core';
import { allowUids } from '@portcullis/core/testing';
import { DarwinAttestor, DarwinPeerSource, darwinListenPort } from '@portcullis/attestor-darwin';
import type { Libc } from '../../dist/ffi/libc.js';
import { anyLibc } from '../support/any-libc.js';
import { Puppet } from '../support/stage.js';

/** On a Mac through libSystem itself, on Linux through its stand-in. */
describe('attestor-darwin: a gate', () => {
  let libc: Libc;
  let folder: string;
  let path: string;
  let gate: Gate;
  let server: Server;
  const admitted: number[] = [];
  before(function () { libc = anyLibc(this); });
  beforeEach(() => {
    folder = realpathSync(mkdtempSync('/tmp/portcullis-gate-'));
    path = join(folder, 'g.sock');
    server = createServer((socket) => {
      socket.on('error', () => undefined);
      admitted.push(admissionOf(socket).peer?.pid ?? 0);
    });
    admitted.length = 0;
  });
  afterEach(async () => {
    await gate.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function listen(uid: number): Promise<void> {
    gate = await createGate({ policy: allowUids(uid), peerSource: new DarwinPeerSource({ libc }), attestors: [new DarwinAttestor()], listenPort: darwinListenPort(libc) });
    await gate.listen(server, { path });
  }

  async function puppet(): Promise<Puppet> {
    const made = new Puppet(path, {});
    await made.expect('ready');
    await made.tell('connect');
    return made;
  }

  it('binds safely, admits whom the policy allows, and removes its name', async () => {
    await listen(process.geteuid?.() ?? 0);
    const connection = once(server, 'connection');
    const client = await puppet();
    await connection;
    assert.deepEqual(admitted, [client.pid]);
    client.kill();
    await gate.close();
    assert.equal(existsSync(path), false);
  });

  it('refuses everybody else', async () => {
    await listen((process.geteuid?.() ?? 0) + 1);
    const denied = new Promise((resolve) => { gate.on('denied', resolve); });
    const client = await puppet();
    await denied;
    assert.deepEqual(admitted, []);
    client.kill();
  });

  it('ends a connection whose process exited while another one holds it (I7)', async () => {
    await listen(process.geteuid?.() ?? 0);
    const revoked = new Promise<Revocation>((resolve) => { gate.on('revoked', resolve); });
    const connection = once(server, 'connection');
    const client = await puppet();
    await connection;
    await client.last('orphan');
    assert.equal((await revoked).cause, 'peer-exited');
    client.kill();
  });
});
