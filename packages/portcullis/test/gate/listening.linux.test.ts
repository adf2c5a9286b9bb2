import assert from 'node:assert/strict';
import { closeSync, existsSync, openSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createNetServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { linuxListenPort } from '@portcullis/attestor-linux';
import { descriptors, Harness, needLinux, until } from './support/harness.js';

describe('listening with a gate', function () {
  let harness: Harness;
  before(function () { needLinux(this); });
  beforeEach(() => { harness = new Harness(); });
  afterEach(() => harness.close());

  it('makes the socket with the mode that was asked for, and takes it away at the end', async () => {
    const gate = await harness.gate();
    const { path, bound } = await gate.listen(createNetServer(), { path: harness.path, mode: 0o660 });
    assert.deepEqual([path, bound?.used, bound?.replacedStale, statSync(harness.path).mode & 0o7777], [harness.path, [], false, 0o660]);
    await gate.close();
    assert.equal(existsSync(harness.path), false);
  });

  it('serves several sockets with one gate, and ends them together', async () => {
    const gate = await harness.gate();
    const paths = [harness.path, `${harness.path}2`];
    for (const path of paths) await gate.listen(createNetServer(), { path });
    assert.deepEqual(paths.map((path) => existsSync(path)), [true, true]);
    await gate.close();
    assert.deepEqual(paths.map((path) => existsSync(path)), [false, false]);
  });

  it('opens nothing where the server cannot be guarded or listens already', async () => {
    const gate = await harness.gate({ refusal: 'http' });
    const busy = createServer().listen(`${harness.path}.busy`);
    await new Promise((resolve) => busy.once('listening', resolve));
    const before = descriptors();
    await assert.rejects(gate.listen(createTlsServer(), { path: harness.path }), { code: 'GATE_OPTIONS' });
    await assert.rejects(gate.listen(busy, { path: harness.path }), { code: 'LISTEN_TARGET' });
    assert.deepEqual([existsSync(harness.path), descriptors()], [false, before]);
    busy.close();
  });

  it('can be tried again with the same server after a path was refused', async () => {
    const gate = await harness.gate();
    const server = createServer((_, response) => { response.end('ok'); });
    await assert.rejects(gate.listen(server, { path: `${harness.folder}/missing/s` }), { code: 'LISTEN_PARENT_MISSING' });
    assert.equal(server.listenerCount('error'), 0);
    await gate.listen(server, { path: harness.path });
    assert.deepEqual(await harness.admittedClient('http'), { status: 200, body: 'ok' });
  });

  it('adopts a listening descriptor, and leaves its path alone', async () => {
    const bound = linuxListenPort().bind({ path: harness.path });
    const gate = await harness.gate();
    const { path } = await gate.listen(createServer((_, response) => { response.end('ok'); }), { fd: bound.fd });
    assert.equal(path, undefined);
    assert.deepEqual(await harness.admittedClient('http'), { status: 200, body: 'ok' });
    await gate.close();
    assert.equal(existsSync(harness.path), true);
    bound.release();
  });

  it('adopts no descriptor that is none of a listening Unix socket', async () => {
    const gate = await harness.gate();
    const file = openSync('/dev/null', 'r');
    await assert.rejects(gate.listen(createNetServer(), { fd: file }), { code: 'LISTEN_NOT_A_LISTENER' });
    closeSync(file);
  });

  it('reports an accept that fails, where plain Node would end the process', async () => {
    const server = createNetServer();
    await harness.serve(server);
    const failed = Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' });
    server.emit('error', failed);
    assert.deepEqual(harness.failures, [{ where: 'listener', error: failed }]);
  });

  it('ends a server that began to listen while the gate was closing', async () => {
    const gate = await harness.gate();
    const server = createNetServer();
    const listening = gate.listen(server, { path: harness.path });
    const closing = gate.close();
    await assert.rejects(listening, { code: 'GATE_CLOSED' });
    await closing;
    assert.deepEqual([server.listening, existsSync(harness.path)], [false, false]);
  });

  it('ends its connections in order: those that live are served to their end', async () => {
    let finish: (() => void) | undefined;
    const server = createServer((_, response) => {
      response.write('first ');
      finish = () => { response.end('last'); };
    });
    const gate = await harness.serve(server);
    const seen = harness.admittedClient('http');
    await until(() => finish !== undefined);
    const closing = gate.close();
    assert.equal(existsSync(harness.path), false);
    finish?.();
    assert.deepEqual(await seen, { status: 200, body: 'first last' });
    await closing;
    assert.deepEqual([gate.load.live, harness.records.length], [0, 1]);
  });
});
