import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once, setMaxListeners } from 'node:events';
import type { Socket } from 'node:net';
import type { Pid, SelectorKey } from '@portcullis/core';
import type { ContainerAttestor, ContainerOptions } from '@portcullis/attestor-container';
import { beganAt } from '../dist/first-process.js';
import { requireFeature } from '@portcullis/testkit';
import { ask, attestorOf, container, Daemon, DIGEST, finding, ID, IMAGE_ID, json, openDescriptors, until } from './support/asking.js';

const SLOW = 30_000;

/** What no real daemon will do for a test. That real ones are understood: podman.root.test.ts. */
describe('a daemon of containers', () => {
  const attestors: ContainerAttestor[] = [];
  const daemons: Daemon[] = [];
  before(function () { requireFeature(this, 'linux', process.platform === 'linux', 'needs the verified connect of Linux'); });
  afterEach(async () => {
    for (const attestor of attestors.splice(0)) attestor.close();
    for (const daemon of daemons.splice(0)) await daemon.close();
  });

  async function daemonOf(answer: ConstructorParameters<typeof Daemon>[0], options: ContainerOptions = {}): Promise<{ readonly daemon: Daemon; readonly attestor: ContainerAttestor }> {
    const daemon = await new Daemon(answer).start();
    daemons.push(daemon);
    const attestor = attestorOf({ socket: daemon.path, timeoutMs: SLOW, ...options });
    attestors.push(attestor);
    return { daemon, attestor };
  }

  /** The whole answer is one key's. */
  async function why(answer: ConstructorParameters<typeof Daemon>[0], key: SelectorKey = 'container:label', options: ContainerOptions = {}): Promise<string> {
    const { daemon, attestor } = await daemonOf(answer, options);
    const before = openDescriptors();
    const found = await finding(attestor, { key });
    await until(() => daemon.open === 0);
    await until(() => openDescriptors() <= before);
    if (found.state !== 'unknown') return found.state;
    assert.ok(!JSON.stringify(found).includes('s3cr3t'), 'a value of the environment is in the reason (I10)');
    return found.why;
  }

  it('that answers is understood: every key', async () => {
    const image = json(JSON.stringify({ Id: IMAGE_ID, RepoDigests: [`reg/demo@${DIGEST}`, `demo@${DIGEST}`] }));
    const { attestor, daemon } = await daemonOf((socket, line) => { socket.end(line.includes('/images/') ? image : json(container())); });
    const keys = ['container:name', 'container:image', 'container:image-id', 'container:image-digest', 'container:label', 'container-env:TOKEN', 'container-env:NONE'] as const;
    const tier = process.getuid?.() === 0 ? {} : { tier: 'peer-asserted' };
    const present = (...values: string[]) => ({ state: 'present', values, ...tier });
    assert.deepEqual(Object.fromEntries(await ask(attestor, { keys })), {
      'container:name': present('web'), 'container:image': present('demo:1'), 'container:image-id': present(IMAGE_ID), 'container:image-digest': present(DIGEST),
      'container:label': present('a/b=x=y', 'tier=front'), 'container-env:TOKEN': present('s3cr3t'), 'container-env:NONE': { state: 'absent', ...tier },
    });
    assert.deepEqual(daemon.requests, [`GET /containers/${ID}/json HTTP/1.1`, `GET /images/${IMAGE_ID}/json HTTP/1.1`]);
  });

  it('is not asked for the image where no digest is wanted', async () => {
    const { attestor, daemon } = await daemonOf(json(container()));
    await finding(attestor);
    assert.equal(daemon.requests.length, 1);
  });

  it('is not asked of a peer that is in no container: absent', async () => {
    const { attestor, daemon } = await daemonOf(json(container()));
    const findings = attestor.attest(undefined as never, new Set(['container:name']), new AbortController().signal, new Map([['container:id', { state: 'absent', tier: 'derived' }]]));
    assert.deepEqual([(findings as ReadonlyMap<string, unknown>).get('container:name'), daemon.requests], [{ state: 'absent' }, []]);
  });

  it('that is a user\'s says what that user says, and no more', async () => {
    const { attestor } = await daemonOf(json(container()));
    const other = attestorOf({ socket: daemons[0]!.path, uid: 1 });
    attestors.push(other);
    assert.equal((await finding(other)).state, 'unknown'); // it is ours, not that user's
    assert.equal((await finding(attestor)).state, 'present');
  });

  describe('that lies makes its keys unknown', () => {
    const cases: readonly (readonly [string, string | ((socket: Socket) => void), string, SelectorKey?])[] = [
      ['about whom it speaks', json(container({ Id: 'f'.repeat(64) })), 'undecodable'],
      ['with an id that is a beginning', json(container({ Id: ID.slice(0, 12) })), 'undecodable'],
      ['with a container that does not run', json(container({ State: { Running: false, Pid: 0 } })), 'peer-changed'],
      ['with a container that runs as no process', json(container({ State: { Running: true, Pid: 0 } })), 'peer-changed'],
      ['with a word for true', json(container({ State: { Running: 'true', Pid: 1 } })), 'peer-changed'],
      ['with a number for a name', json(container({ Name: 7 })), 'undecodable'],
      ['with a name for an image id', json(container({ Image: 'demo' })), 'undecodable'],
      ['with a list for labels', json(container({ Config: { Image: 'x', Labels: ['a=b'] } })), 'undecodable'],
      ['with a number for a label', json(container({ Config: { Image: 'x', Labels: { a: 7 } } })), 'undecodable'],
      ['with a label that could pass for another', json(container({ Config: { Image: 'x', Labels: { 'tier=front,x': 'y' } } })), 'undecodable'],
      ['with an object for the environment', json(container({ Config: { Image: 'x', Env: { A: 's3cr3t' } } })), 'undecodable', 'container-env:A'],
      ['with a variable that is there twice', json(container({ Config: { Image: 'x', Env: ['A=s3cr3t', 'A=2'] } })), 'undecodable', 'container-env:A'],
      ['with a lone surrogate', json(container({ Name: '/\ud800' })), 'undecodable'],
      ['with a NUL', json(container({ Name: '/a\0b' })), 'undecodable'],
      ['with 5,000 labels', json(container({ Config: { Image: 'x', Labels: Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`l${String(at)}`, 'x'])) } })), 'limit'],
      ['with a label of 64 KiB', json(container({ Config: { Image: 'x', Labels: { a: 'x'.repeat(65_536) } } })), 'limit'],
      ['with no object', json('null'), 'undecodable'],
      ['with half a text', json(container().slice(0, -9).replace('web', 's3cr3t')), 'undecodable'],
      ['with ever deeper lists', json('['.repeat(1_000_000)), 'undecodable'],
      ['with bytes that are not UTF-8', (socket) => { socket.end(Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n'), Buffer.from([0x22, 0xff, 0x22])])); }, 'undecodable'],
      ['with fewer bytes than it said', (socket) => { socket.end('HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{}'); }, 'service-down'],
      ['with chunks of garbage', (socket) => { socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n'); }, 'service-down'],
      ['with no HTTP', (socket) => { socket.end('hello\r\n\r\n'); }, 'service-down'],
      ['with another protocol', (socket) => { socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: tcp\r\n\r\n'); }, 'undecodable'],
      ['with endless headers', (socket) => { socket.write('HTTP/1.1 200 OK\r\n'); pour(socket, 'x: '.padEnd(1000, 'y') + '\r\n'); }, 'service-down'],
      ['with one endless header', (socket) => { socket.write('HTTP/1.1 200 OK\r\nx: '); pour(socket, 'y'.repeat(1000)); }, 'service-down'],
      ['by sending elsewhere', json('{}', 302), 'service-down'],
      ['by an error of its own', json('{"message":"s3cr3t"}', 500), 'service-down'],
      ['by knowing no such container', json('{"message":"No such container"}', 404), 'service-down'],
      ['by hanging up', (socket) => { socket.destroy(); }, 'service-down'],
    ];
    for (const [what, answer, expected, key] of cases) it(what, async () => { assert.equal(await why(answer, key), expected); });

    it('about the image', async () => {
      const { attestor } = await daemonOf((socket, line) => { socket.end(line.includes('/images/') ? json(JSON.stringify({ Id: DIGEST, RepoDigests: [] })) : json(container())); });
      assert.deepEqual(await finding(attestor, { key: 'container:image-digest' }), { state: 'unknown', why: 'undecodable', detail: 'the daemon answers of another image than it was asked for' });
    });

    it('with 50 MB, of which it cannot send the most', async () => {
      let sent = 0;
      const answer = (socket: Socket): void => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 52428800\r\n\r\n');
        pour(socket, ' '.repeat(65_536), (bytes) => { sent += bytes; });
      };
      assert.equal(await why(answer), 'limit');
      assert.ok(sent < 10 << 20, String(sent));
    });
  });

  describe('that is slow', () => {
    it('and never answers is given up in time, and its connection ended', async () => {
      assert.equal(await why(() => undefined, 'container:label', { timeoutMs: 50 }), 'timeout');
    });
    it('and sends a byte now and then is given up as well', async () => {
      const answer = (socket: Socket): void => { socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n'); const timer = setInterval(() => { socket.write(' '); }, 5); socket.once('close', () => { clearInterval(timer); }); };
      assert.equal(await why(answer, 'container:label', { timeoutMs: 100 }), 'timeout');
    });
    it('and says for ever that it works on it is given up as well', async () => {
      assert.equal(await why((socket) => { pour(socket, 'HTTP/1.1 102 Processing\r\n\r\n'); }, 'container:label', { timeoutMs: 100 }), 'timeout');
    });

    it('is left when the admission ends, and by then nothing of it is open', async () => {
      const { daemon, attestor } = await daemonOf(() => undefined);
      const before = openDescriptors();
      const admission = new AbortController();
      const waiting = finding(attestor, { signal: admission.signal });
      await until(() => daemon.requests.length === 1);
      admission.abort(new Error('the admission deadline passed'));
      assert.deepEqual(await waiting, { state: 'unknown', why: 'timeout', detail: 'the daemon did not answer before the admission ended' });
      await until(() => daemon.open === 0 && openDescriptors() <= before);
    });

    it('is asked on while another admission still waits', async () => {
      const sockets: Socket[] = [];
      const { daemon, attestor } = await daemonOf((socket) => { sockets.push(socket); });
      const first = new AbortController();
      const [given, kept] = [finding(attestor, { signal: first.signal }), finding(attestor)];
      await until(() => daemon.requests.length === 1);
      first.abort();
      assert.equal((await given).state, 'unknown');
      sockets[0]!.end(json(container()));
      assert.equal((await kept).state, 'present');
      assert.equal(daemon.requests.length, 1);
    });

    it('is asked anew by who comes after everybody left', async () => {
      const { daemon, attestor } = await daemonOf(() => undefined);
      const first = new AbortController();
      const given = finding(attestor, { signal: first.signal });
      await until(() => daemon.requests.length === 1);
      first.abort();
      assert.equal((await given).state, 'unknown');
      daemon.answer = (socket) => { socket.end(json(container())); };
      assert.equal((await finding(attestor)).state, 'present');
    });

    it('is asked of 32 containers at once at most: further ones are unknown', async () => {
      const { daemon, attestor } = await daemonOf(() => undefined);
      const end = new AbortController();
      setMaxListeners(0, end.signal); // which in a gate is one admission's
      const many = Array.from({ length: 32 }, (_, at) => finding(attestor, { id: at.toString(16).padStart(64, '0'), signal: end.signal }));
      assert.deepEqual(await finding(attestor), { state: 'unknown', why: 'limit', detail: '32 containers are being asked for already' });
      await until(() => daemon.requests.length === 32);
      end.abort();
      await Promise.all(many);
      await until(() => daemon.open === 0);
      daemon.answer = (socket) => { socket.end(json(container())); };
      assert.equal((await finding(attestor)).state, 'present');
    });
  });

  it('that is down, restarts and is there again: unknown until it is', async () => {
    const { daemon, attestor } = await daemonOf(json(container()), { cacheMs: 0 });
    assert.equal((await finding(attestor)).state, 'present');
    await daemon.stop();
    const down = await finding(attestor);
    assert.deepEqual([down.state, 'why' in down && down.why], ['unknown', 'service-down']);
    await daemon.start();
    assert.equal((await finding(attestor)).state, 'present');
  });

  describe('is remembered', () => {
    const never = { cacheMs: 60_000 };

    it('by one question for all who come at once, and at once for who comes soon after', async () => {
      const { daemon, attestor } = await daemonOf(json(container()), never);
      const found = await Promise.all(Array.from({ length: 20 }, () => finding(attestor)));
      assert.ok(found.every(({ state }) => state === 'present'));
      assert.ok(!(ask(attestor) instanceof Promise));
      assert.equal(daemon.requests.length, 1);
    });

    it('for its container alone', async () => {
      const { attestor } = await daemonOf(json(container()), never);
      await finding(attestor);
      assert.equal((await finding(attestor, { id: 'e'.repeat(64) })).state, 'unknown');
    });

    it('no longer than it is told', async () => {
      const { daemon, attestor } = await daemonOf(json(container()), { cacheMs: 1 });
      await finding(attestor);
      const from = performance.now();
      await until(() => performance.now() - from > 2);
      daemon.answer = (socket) => { socket.end(json(container({ Name: '/renamed' }))); };
      assert.deepEqual(await finding(attestor, { key: 'container:name' }).then((one) => 'values' in one && one.values), ['renamed']);
    });

    it('not where its container was started anew meanwhile', async () => {
      const first = spawn('/bin/sleep', ['600']);
      const { daemon, attestor } = await daemonOf(json(container({ State: { Running: true, Pid: first.pid } })), never);
      await finding(attestor);
      assert.ok(!(ask(attestor) instanceof Promise));
      first.kill('SIGKILL');
      await once(first, 'exit');
      await finding(attestor);
      assert.equal(daemon.requests.length, 2);
    });

    it('not where its first process cannot be seen from here', async () => {
      const { daemon, attestor } = await daemonOf(json(container({ State: { Running: true, Pid: 2 ** 40 } })), never);
      await finding(attestor);
      await finding(attestor);
      assert.equal(daemon.requests.length, 2);
    });

    it('never for a failure', async () => {
      const { daemon, attestor } = await daemonOf(json('{}', 500), never);
      assert.equal((await finding(attestor)).state, 'unknown');
      daemon.answer = (socket) => { socket.end(json(container())); };
      assert.equal((await finding(attestor)).state, 'present');
    });

    it('without the environment, unless a policy names a variable (I10)', async () => {
      const { daemon, attestor } = await daemonOf(json(container()), never);
      await finding(attestor);
      await finding(attestor, { key: 'container-env:TOKEN' });
      assert.equal(daemon.requests.length, 2);
    });
  });

  it('has first processes whose begin is told whatever they are called', async () => {
    const child = spawn(process.execPath, ['-e', 'process.title = ") R 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 7"; console.log("ready"); setInterval(() => {}, 1000)'], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    const own = Number(beganAt(process.pid as Pid));
    const began = Number(beganAt(child.pid as Pid));
    child.kill('SIGKILL');
    assert.ok(began >= own, `${String(began)} and ${String(own)}`);
  });
});

/** Writes until the other end has enough. */
function pour(socket: Socket, text: string, sent?: (bytes: number) => void): void {
  const more = (): void => {
    while (!socket.destroyed) {
      sent?.(text.length);
      if (!socket.write(text)) break;
    }
  };
  socket.on('drain', more);
  more();
}
