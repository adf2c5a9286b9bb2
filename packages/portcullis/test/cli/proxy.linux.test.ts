import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { requireFeature } from '@portcullis/testkit';
import { ALLOW_ME, ALLOW_OTHER, Folder, policy } from './support/folder.js';
import { run } from './support/run.js';
import { Serving, until } from './support/serving.js';
import { echo, UpstreamServer } from './support/upstream.js';

const TEN_MB = 10 * 1024 * 1024;

describe('portcullis serve, between client and upstream', function () {
  let folder: Folder;
  let serving: Serving;
  let upstream: UpstreamServer | undefined;

  before(function () {
    requireFeature(this, 'linux', process.platform === 'linux', 'needs Linux');
  });

  beforeEach(() => { folder = new Folder(); });

  afterEach(async () => {
    await serving.stop();
    await upstream?.close();
    upstream = undefined;
    folder.remove();
  });

  const start = async (handle: ((socket: Socket) => void) | undefined, rule = ALLOW_ME): Promise<void> => {
    if (handle !== undefined) upstream = await UpstreamServer.listen(folder.at('up.sock'), handle);
    folder.write('p.yaml', policy(rule));
    serving = await Serving.start(['-p', folder.at('p.yaml'), '-l', `unix:${folder.at('g.sock')}`, '-u', `unix:${folder.at('up.sock')}`, '--drain', '1']);
  };
  const dial = (allowHalfOpen = true): Socket => connect({ path: folder.at('g.sock'), allowHalfOpen }).on('error', () => undefined);
  const closed = (socket: Socket): Promise<void> => new Promise((resolve) => { socket.once('close', () => { resolve(); }); });

  it('lets a client half-close, and then read 10 MB', async () => {
    await start((socket) => { socket.on('end', () => { socket.end(Buffer.alloc(TEN_MB, 'x')); }); });
    const script = [
      'import socket,sys', 's=socket.socket(socket.AF_UNIX)', 's.connect(sys.argv[1])', 's.sendall(b"ask")', 's.shutdown(socket.SHUT_WR)',
      'n=0', 'while True:', '  b=s.recv(65536)', '  if not b: break', '  n+=len(b)', 'print(n)',
    ].join('\n');
    const { stdout, stderr } = await run('/usr/bin/env', ['python3', '-c', script, folder.at('g.sock')]);
    assert.equal(stdout, `${String(TEN_MB)}\n`, stderr);
    assert.equal(upstream?.bytes, 3);
  });

  it('lets an upstream half-close, and then read 10 MB', async () => {
    await start((socket) => { socket.end('said'); });
    const client = dial();
    let heard = '';
    client.setEncoding('utf8').on('data', (text: string) => { heard += text; });
    await new Promise((resolve) => { client.once('end', resolve); });
    client.end(Buffer.alloc(TEN_MB, 'x'));
    await closed(client);
    await until(() => upstream?.bytes === TEN_MB, '10 MB at the upstream');
    assert.equal(heard, 'said');
  });

  it('keeps every byte in order, both ways at once', async () => {
    await start(echo);
    const client = dial();
    const sent = Buffer.alloc(4 * 1024 * 1024);
    for (let at = 0; at < sent.length; at += 4) sent.writeUInt32LE(at, at);
    const parts: Buffer[] = [];
    client.on('data', (part: Buffer) => { parts.push(part); });
    client.end(sent);
    await closed(client);
    assert.ok(Buffer.concat(parts).equals(sent));
  });

  it('waits for a slow reader with bounded memory', async () => {
    let written = 0;
    await start((socket) => {
      const chunk = Buffer.alloc(1 << 20, 'x');
      const more = (): void => {
        while (written < 512 && socket.write(chunk)) written += 1;
        written += 1;
      };
      socket.on('drain', more);
      more();
    });
    const before = serving.memory;
    const client = dial();
    client.pause();
    await sleep(1500);
    assert.ok(written < 64, `the upstream could write ${String(written)} MB that nobody read`);
    assert.ok(serving.memory - before < 64 * (1 << 20), `grew by ${String(serving.memory - before)} bytes`);
    client.destroy();
    await closed(client);
  });

  it('says why when the upstream is down, closes the connection, and goes on', async () => {
    await start(undefined);
    const client = dial(false);
    client.resume();
    await closed(client);
    const event = await serving.until('upstream');
    assert.equal(event['cause'], 'connect');
    assert.match(String(event['error']), /ENOENT/);
    upstream = await UpstreamServer.listen(folder.at('up.sock'), (socket) => { socket.end('back'); });
    const again = dial();
    const [text] = await new Promise<[Buffer]>((resolve) => { again.once('data', (bytes: Buffer) => { resolve([bytes]); }); });
    assert.equal(String(text), 'back');
    again.destroy();
  });

  it('breaks the client when the upstream breaks, and says so', async () => {
    // What the client sends comes through only once the upstream is verified: a reset before that would be of the connecting.
    const tcp = await UpstreamServer.listen(0, (socket) => { socket.once('data', () => { socket.resetAndDestroy(); }); });
    folder.write('p.yaml', policy(ALLOW_ME));
    serving = await Serving.start(['-p', folder.at('p.yaml'), '-l', `unix:${folder.at('g.sock')}`, '-u', `tcp:127.0.0.1:${String(tcp.port)}`]);
    const client = dial(false);
    client.resume();
    client.write('x');
    await closed(client);
    const event = await serving.until('upstream');
    assert.equal(event['cause'], 'upstream');
    await tcp.close();
  });

  it('delivers what a client sent before it closed at once', async () => {
    await start((socket) => { socket.on('end', () => { socket.end(); }); });
    for (let count = 0; count < 20; count += 1) dial().end('last words');
    await until(() => upstream?.bytes === 200, '20 last words at the upstream');
  });

  it('never lets bytes of a refused client through, however early they came (I1)', async () => {
    await start(echo, ALLOW_OTHER);
    for (let count = 0; count < 20; count += 1) {
      const client = dial();
      client.resume();
      client.end('early');
      await closed(client);
    }
    await serving.until('decision', 20);
    assert.equal(upstream?.sockets.length, 0);
  });

  it('lets go of every descriptor', async () => {
    await start(echo);
    const round = async (): Promise<void> => {
      const clients = Array.from({ length: 30 }, () => dial());
      clients.forEach((client, index) => {
        client.resume();
        if (index % 3 === 0) client.destroy();
        else client.end('hello');
      });
      await Promise.all(clients.map((client) => (client.closed ? Promise.resolve() : closed(client))));
    };
    // One stays until its lease begins: the thread that waits for exits has descriptors of its own, and keeps them.
    const stays = dial();
    stays.resume();
    await round();
    await sleep(500);
    stays.destroy();
    await round();
    await sleep(200);
    const before = serving.descriptors;
    for (let count = 0; count < 5; count += 1) await round();
    await until(() => serving.descriptors <= before, `${String(before)} descriptors again`);
    assert.equal(serving.of('decision').filter((record) => record['decision'] === 'allow').length > 0, true);
  });

  it('holds a client that never speaks, and lets it go when it stops', async () => {
    await start(echo);
    const client = dial(false);
    client.resume();
    await serving.until('decision');
    serving.signal('SIGTERM');
    await closed(client);
    assert.equal(await serving.exited, 0);
    assert.equal(serving.of('stopped')[0]?.['ended'], 1);
  });
});
