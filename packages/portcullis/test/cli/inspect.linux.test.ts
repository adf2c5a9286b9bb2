import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { requireFeature } from '@portcullis/testkit';
import type { Inspection, InspectedKey } from '../../dist/inspect/inspection.js';
import { Folder, ME } from './support/folder.js';
import { BIN, portcullis, portcullisProcess } from './support/run.js';
import { until } from './support/serving.js';

const HOSTILE = 'evil\u001b[31m\u202ex';

describe('portcullis inspect', function () {
  let folder: Folder;
  let child: ChildProcess | undefined;

  before(function () {
    requireFeature(this, 'linux', process.platform === 'linux', 'needs Linux');
  });

  beforeEach(() => { folder = new Folder(); });
  afterEach(() => {
    child?.kill('SIGKILL');
    child = undefined;
    folder.remove();
  });

  const keyOf = ({ keys }: Inspection, key: string): InspectedKey | undefined => keys.find((one) => one.key === key);

  it('shows itself, with a tier for everything that was seen (I5)', async () => {
    const { code, stdout } = await portcullisProcess(['inspect', '--self', '--json']);
    assert.equal(code, 0);
    const inspection = JSON.parse(stdout) as Inspection;
    assert.deepEqual(keyOf(inspection, 'unix:uid'), { key: 'unix:uid', state: 'present', values: [ME], tier: 'kernel-connect' });
    for (const key of inspection.keys) assert.equal(key.tier !== undefined, key.state !== 'unknown', key.key);
    assert.deepEqual(inspection.unasked, ['cgroup-xattr:*', 'env:*', 'process:arg']);
    assert.match((await portcullis(['inspect', '--self'])).stdout, /^present\n[^]*unix:uid +[0-9]+ {2}kernel-connect/m);
  });

  it('shows a process without a connection, and says what that cannot tell', async () => {
    child = spawn('/usr/bin/sleep', ['60']);
    const { code, stdout } = await portcullisProcess(['inspect', '--pid', String(child.pid), '--json']);
    assert.equal(code, 0);
    const inspection = JSON.parse(stdout) as Inspection;
    assert.equal(inspection.pin, 'pidfd-open');
    assert.equal(inspection.connection, false);
    for (const key of ['unix:uid', 'unix:user', 'unix:supplementary_gid', 'linux:label']) assert.equal(keyOf(inspection, key)?.why, 'socket-unsupported', key);
    assert.deepEqual(keyOf(inspection, 'linux:live-uid')?.values, [ME]);
    assert.deepEqual(keyOf(inspection, 'process:comm')?.values, ['sleep']);
  });

  it('reads arguments and environment only when named, and masks them (I10)', async () => {
    child = spawn('/usr/bin/sleep', ['60'], { env: { SECRET: 'hunter2' } });
    const { stdout } = await portcullis(['inspect', '--pid', String(child.pid), '--json', '--key', 'env:SECRET', 'process:arg']);
    assert.deepEqual(keyOf(JSON.parse(stdout) as Inspection, 'env:SECRET'), { key: 'env:SECRET', state: 'present', masked: true, tier: 'peer-asserted' });
    assert.ok(!stdout.includes('hunter2'));
    assert.match((await portcullis(['inspect', '--pid', String(child.pid), '--key', 'env:SECRET'])).stdout, /env:SECRET +\(masked\)/);
  });

  it('shows who came to a socket', async () => {
    child = spawn(process.execPath, [BIN, 'inspect', '--listen', folder.at('who.sock'), '--json'], { stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => { stdout += text; });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => { stderr += text; });
    await until(() => stderr.includes('waiting for a connection'), 'the socket');
    const client = connect(folder.at('who.sock')).on('error', () => undefined);
    await new Promise((resolve) => { child?.on('close', resolve); });
    client.destroy();
    const inspection = JSON.parse(stdout) as Inspection;
    assert.equal(inspection.pid, process.pid);
    assert.deepEqual(keyOf(inspection, 'unix:uid')?.values, [ME]);
    assert.deepEqual(keyOf(inspection, 'unix:path')?.values, [process.execPath]);
  });

  for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143], ['SIGHUP', 129]] as const) {
    it(`takes its socket with it on ${signal}, and exits ${String(code)}`, async () => {
      const path = folder.at('who.sock');
      const waiting = spawn(process.execPath, [BIN, 'inspect', '--listen', path], { stdio: ['ignore', 'ignore', 'pipe'] });
      child = waiting;
      let stderr = '';
      waiting.stderr.setEncoding('utf8').on('data', (text: string) => { stderr += text; });
      await until(() => stderr.includes('waiting for a connection'), 'the socket');
      assert.ok(existsSync(path));
      const ended = new Promise((resolve) => { waiting.on('close', resolve); });
      waiting.kill(signal);
      assert.equal(await ended, code);
      assert.ok(!existsSync(path));
    });
  }

  it('escapes hostile text on a terminal and in a pipe (I11, T21)', async () => {
    child = spawn(process.execPath, ['-e', `process.title = ${JSON.stringify(HOSTILE)}; setInterval(() => {}, 1000); console.log('ready')`], { stdio: ['ignore', 'pipe', 'ignore'] });
    await new Promise((resolve) => { child?.stdout?.once('data', resolve); });
    const { stdout } = await portcullis(['inspect', '--pid', String(child.pid), '--key', 'process:comm']);
    assert.match(stdout, /process:comm +evil\\u\{1b\}\[31m\\u\{202e\}/);
    assert.ok(!stdout.includes('\u001b') && !stdout.includes('\u202e'));
  });

  it('exits 1 for a process that is not there, 2 when called wrongly', async () => {
    const { code, stderr } = await portcullis(['inspect', '--pid', '4194000']);
    assert.equal(code, 1);
    assert.match(stderr, /PEER_REFUSED there is no process 4194000 here/);
    for (const args of [[], ['--pid', '1', '--self'], ['--pid', '0'], ['--self', '--key', 'nope']]) assert.equal((await portcullis(['inspect', ...args])).code, 2, args.join(' '));
  });
});
