import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { requireFeature } from '@portcullis/testkit';
import { ALLOW_ME, Folder, policy } from './support/folder.js';
import { BIN } from './support/run.js';
import { Serving, until } from './support/serving.js';
import { echo, UpstreamServer } from './support/upstream.js';

describe('portcullis serve, with fewer descriptors than clients (T20)', function () {
  let folder: Folder;
  let serving: Serving | undefined;
  let upstream: UpstreamServer;

  before(function () {
    requireFeature(this, 'linux', process.platform === 'linux', 'needs Linux');
    requireFeature(this, 'bash', existsSync('/bin/bash'), 'needs a shell that sets limits');
  });

  beforeEach(async () => {
    folder = new Folder();
    upstream = await UpstreamServer.listen(folder.at('up.sock'), echo);
  });

  afterEach(async () => {
    await serving?.stop();
    await upstream.close();
    folder.remove();
  });

  it('refuses by name what does not fit, admits nobody by accident, and recovers', async () => {
    const file = folder.write('p.yaml', policy(ALLOW_ME));
    serving = Serving.of(spawn('/bin/bash', ['-c', 'ulimit -n 170; exec "$@"', 'bash', process.execPath, BIN, 'serve', '-p', file, '-l', `unix:${folder.at('g.sock')}`, '-u', `unix:${folder.at('up.sock')}`, '--drain', '1'], { stdio: ['ignore', 'pipe', 'pipe'] }));
    const gateway = serving;
    const capacity = Number((await gateway.until('listening'))['capacity']);
    assert.ok(capacity > 10 && capacity < 60, String(capacity));
    const clients: Socket[] = [];
    for (let count = 0; count < capacity + 30; count += 1) clients.push(connect(folder.at('g.sock')).on('error', () => undefined).resume());
    await gateway.until('decision', capacity + 30);
    const decisions = gateway.of('decision');
    const allowed = decisions.filter((record) => record['decision'] === 'allow').length;
    // Beside a place for each, there are those descriptors that their peer will hold.
    assert.ok(allowed > 5 && allowed <= capacity, `${String(allowed)} of ${String(capacity)}`);
    assert.deepEqual([...new Set(decisions.filter((record) => record['decision'] === 'deny').map((record) => `${String(record['cause'])} ${String(record['code'])}`))], ['capacity descriptor-limit']);
    assert.equal(upstream.sockets.length, allowed);
    assert.deepEqual(gateway.of('upstream'), []);
    for (const client of clients) client.destroy();
    await until(() => gateway.descriptors < 60, 'descriptors that were let go');
    await sleep(100);
    const client = connect({ path: folder.at('g.sock'), allowHalfOpen: true });
    client.end('back');
    const [bytes] = (await once(client, 'data')) as [Buffer];
    assert.equal(String(bytes), 'back');
  });
});
