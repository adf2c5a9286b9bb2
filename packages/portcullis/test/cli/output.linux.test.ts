import assert from 'node:assert/strict';
import { openSync, closeSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { requireFeature } from '@portcullis/testkit';
import { ALLOW_ME, ALLOW_OTHER, Folder, policy } from './support/folder.js';
import { Serving, until } from './support/serving.js';
import { echo, UpstreamServer } from './support/upstream.js';

describe('portcullis serve, when records cannot be written', function () {
  let folder: Folder;
  let serving: Serving;
  let upstream: UpstreamServer;

  before(function () {
    requireFeature(this, 'linux', process.platform === 'linux', 'needs Linux');
  });

  beforeEach(async () => {
    folder = new Folder();
    upstream = await UpstreamServer.listen(folder.at('up.sock'), echo);
  });

  afterEach(async () => {
    await serving.stop();
    await upstream.close();
    folder.remove();
  });

  const spawn = (rule: string, stdout: 'pipe' | number): void => {
    const file = folder.write('p.yaml', policy(rule));
    serving = Serving.spawn(['-p', file, '-l', `unix:${folder.at('g.sock')}`, '-u', `unix:${folder.at('up.sock')}`], ['ignore', stdout, 'pipe']);
  };
  const ask = (): Promise<string> => new Promise((resolve) => {
    let heard = '';
    connect({ path: folder.at('g.sock'), allowHalfOpen: true }).on('error', (error) => { heard = error.message; })
      .setEncoding('utf8').on('data', (text: string) => { heard += text; }).on('close', () => { resolve(heard); }).end('word');
  });
  const accepts = async (): Promise<void> => { for (let tries = 0; (await ask()).includes('ENOENT') && tries < 500; tries += 1) await sleep(10); };
  const complaints = (): number => serving.stderr.split('records cannot be written').length - 1;

  it('goes on when the reader of its records is gone, and says so once', async () => {
    spawn(ALLOW_ME, 'pipe');
    await serving.until('listening');
    serving.child.stdout?.destroy();
    for (let count = 0; count < 5; count += 1) assert.equal(await ask(), 'word');
    await until(() => complaints() === 1, 'a complaint');
    assert.equal(await ask(), 'word');
    assert.equal(await serving.stop(), 0);
    assert.equal(complaints(), 1);
    assert.match(serving.stderr, /records could not be written/);
  });

  it('goes on when the disk is full, and admits nobody by accident', async () => {
    const full = openSync('/dev/full', 'w');
    spawn(ALLOW_OTHER, full);
    closeSync(full);
    await accepts();
    for (let count = 0; count < 5; count += 1) assert.notEqual(await ask(), 'word');
    await until(() => complaints() === 1, 'a complaint');
    assert.match(serving.stderr, /ENOSPC/);
    assert.equal(await serving.stop(), 0);
    assert.equal(complaints(), 1);
    assert.equal(upstream.sockets.length, 0);
  });

  it('goes on when nobody reads its records, and ends when told to', async function () {
    this.timeout(120_000);
    spawn(ALLOW_ME, 'pipe');
    await serving.until('listening');
    serving.child.stdout?.pause();
    for (let round = 0; round < 40; round += 1) await Promise.all(Array.from({ length: 25 }, ask));
    assert.equal(await ask(), 'word');
    const beganMs = Date.now();
    serving.signal('SIGTERM');
    await new Promise((resolve) => { serving.child.on('exit', resolve); });
    assert.ok(Date.now() - beganMs < 10_000);
    serving.child.stdout?.resume();
  });
});
