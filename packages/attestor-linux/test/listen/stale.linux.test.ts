import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, lstatSync, mkdirSync, openSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import type { Fd } from '@portcullis/core';
import { SysFailure } from '../../dist/ffi/errno.js';
import { libc } from '../../dist/ffi/libc.js';
import { SOCK_DGRAM } from '../../dist/ffi/constants.js';
import { LOCK_EX, LOCK_NB } from '../../dist/listen/flags.js';
import { livenessOf } from '../../dist/listen/liveness.js';
import { NameLock } from '../../dist/listen/name-lock.js';
import { walkToParent } from '../../dist/listen/walk.js';
import { descriptors, knock, needLinux, port, rawBind, refusalOf, Scratch, serve, stop } from './scratch.js';

const O_PATH = 0o10000000;

describe('safe listen: a name that is taken (T18)', () => {
  let scratch: Scratch;
  let path: string;
  before(function () { needLinux(this); });
  beforeEach(() => {
    scratch = new Scratch();
    path = scratch.at('s');
  });
  afterEach(() => { scratch.remove(); });

  function refusesAndKeeps(code: string): void {
    const was = lstatSync(path);
    const before = descriptors();
    const error = refusalOf(() => port.bind({ path }));
    assert.equal(error.code, code);
    assert.equal(error.facts['component'], path);
    assert.deepEqual([lstatSync(path).ino, readdirSync(scratch.path).includes('.s.lock')], [was.ino, false]);
    assert.equal(descriptors(), before);
  }

  it('never removes a file', () => {
    writeFileSync(path, 'precious');
    refusesAndKeeps('LISTEN_EXISTS');
    assert.equal(readFileSync(path, 'utf8'), 'precious');
  });

  it('never removes a folder', () => {
    mkdirSync(path);
    refusesAndKeeps('LISTEN_EXISTS');
  });

  it('never follows or removes a link, whether it leads to a dead socket, a live one, or nowhere', async () => {
    scratch.stale(scratch.at('dead'));
    const live = scratch.bind({ path: scratch.at('live') });
    for (const target of ['dead', 'live', 'nowhere']) {
      path = scratch.at(`to-${target}`);
      symlinkSync(scratch.at(target), path);
      const error = refusalOf(() => port.bind({ path }));
      assert.deepEqual([error.code, error.facts['kind']], ['LISTEN_EXISTS', 'link']);
    }
    assert.equal(await knock(live.path), 'connected');
    assert.deepEqual(readdirSync(scratch.path).sort(), ['dead', 'live', 'to-dead', 'to-live', 'to-nowhere']);
    closeSync(live.fd);
  });

  it('takes over a stale socket of ours, and says so', async () => {
    scratch.stale(path);
    assert.equal(await knock(path), 'ECONNREFUSED');
    const bound = scratch.bind({ path });
    assert.equal(bound.replacedStale, true);
    assert.equal(await knock(path), 'connected');
    assert.equal(lstatSync(path).mode & 0o7777, 0o600);
    closeSync(bound.fd);
  });

  it('takes over what a gateway left that did not release', () => {
    closeSync(scratch.bind({ path }).fd);
    const bound = scratch.bind({ path });
    assert.equal(bound.replacedStale, true);
    closeSync(bound.fd);
  });

  it('leaves a served socket alone, and puts no connection in its queue', async () => {
    const bound = scratch.bind({ path });
    const server = await serve(bound);
    let connections = 0;
    server.on('connection', () => (connections += 1));
    refusesAndKeeps('LISTEN_IN_USE');
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(connections, 0);
    await stop(server);
  });

  it('leaves a socket alone that is bound and does not listen yet, where a connection is refused too', async () => {
    const fd = rawBind(path);
    assert.equal(await knock(path), 'ECONNREFUSED');
    refusesAndKeeps('LISTEN_IN_USE');
    closeSync(fd);
  });

  it('leaves a socket alone whose queue is full', async () => {
    const fd = rawBind(path);
    libc().listen(fd, 0);
    const waiting: Socket[] = [];
    for (let n = 0; n < 4; n += 1) waiting.push(connect(path).on('error', () => undefined));
    await new Promise((resolve) => setTimeout(resolve, 20));
    refusesAndKeeps('LISTEN_IN_USE');
    for (const socket of waiting) socket.destroy();
    closeSync(fd);
  });

  it('leaves a datagram socket alone', () => {
    const fd = rawBind(path, SOCK_DGRAM);
    refusesAndKeeps('LISTEN_IN_USE');
    closeSync(fd);
  });

  it('takes over a socket of which only a handle of its inode is left', () => {
    const fd = rawBind(path);
    const handle = openSync(path, O_PATH) as Fd;
    closeSync(fd);
    assert.equal(livenessOf(handle), 'dead');
    closeSync(scratch.bind({ path }).fd);
    closeSync(handle);
  });

  it('leaves a socket alone whose maker is gone and whose child holds it', async () => {
    const fd = rawBind(path);
    const child = spawn('/bin/sleep', ['60'], { stdio: ['ignore', fd, 'ignore'] });
    await once(child, 'spawn');
    closeSync(fd);
    refusesAndKeeps('LISTEN_IN_USE');
    child.kill('SIGKILL');
    await once(child, 'exit');
    closeSync(scratch.bind({ path }).fd);
  });

  it('reads liveness from the inode, not from the name', () => {
    scratch.stale(path);
    const handle = openSync(path, O_PATH) as Fd;
    assert.equal(livenessOf(handle), 'dead');
    const bound = scratch.bind({ path });
    assert.equal(livenessOf(handle), 'dead');
    closeSync(handle);
    closeSync(bound.fd);
  });

  it('is not stopped by somebody who locks the folder', () => {
    const folder = openSync(scratch.path, 'r');
    assert.equal(libc().flock(folder, LOCK_EX | LOCK_NB), 0);
    scratch.stale(path);
    closeSync(scratch.bind({ path }).fd);
    closeSync(folder);
  });

  it('uses a lock file again that a killed gateway left', () => {
    writeFileSync(scratch.at('.s.lock'), '', { mode: 0o600 });
    closeSync(scratch.bind({ path }).fd);
    assert.deepEqual(readdirSync(scratch.path), ['s']);
  });

  it('gives up, with nothing changed, when another gateway does not let go of the name', () => {
    scratch.stale(path);
    const { folder } = walkToParent(path, new Set());
    const lock = NameLock.take(folder, 's', 0);
    assert.ok(lock instanceof NameLock && !(lock instanceof SysFailure));
    const ino = lstatSync(path).ino;
    const error = refusalOf(() => port.bind({ path }));
    assert.deepEqual([error.code, error.facts['reason']], ['LISTEN_IN_USE', 'locked']);
    assert.equal(lstatSync(path).ino, ino);
    lock.release();
    folder.close();
    closeSync(scratch.bind({ path }).fd);
  });

  it('does not wait for the lock of another name', () => {
    const { folder } = walkToParent(path, new Set());
    const lock = NameLock.take(folder, 'other', 0);
    assert.ok(lock instanceof NameLock);
    const started = performance.now();
    closeSync(scratch.bind({ path }).fd);
    assert.ok(performance.now() - started < 500);
    lock.release();
    folder.close();
  });
});
