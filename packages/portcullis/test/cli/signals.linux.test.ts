import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { requireFeature } from '@portcullis/testkit';
import { ALLOW_ME, ALLOW_OTHER, Folder, policy } from './support/folder.js';
import { Serving } from './support/serving.js';
import { echo, UpstreamServer } from './support/upstream.js';

describe('portcullis serve, signals and changes of files', function () {
  let folder: Folder;
  let serving: Serving;
  let upstream: UpstreamServer;
  const clients: Socket[] = [];

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
    for (const client of clients.splice(0)) client.destroy();
    folder.remove();
  });

  const start = async (file: string, ...more: readonly string[]): Promise<void> => {
    serving = await Serving.start(['-p', file, '-l', `unix:${folder.at('g.sock')}`, '-u', `unix:${folder.at('up.sock')}`, ...more]);
  };
  const dial = (): Socket => {
    const client = connect({ path: folder.at('g.sock'), allowHalfOpen: true }).on('error', () => undefined);
    clients.push(client);
    return client;
  };
  /** What comes back for a word: the word, or nothing. */
  const ask = (): Promise<string> => new Promise((resolve) => {
    let heard = '';
    const client = dial();
    client.setEncoding('utf8').on('data', (text: string) => { heard += text; }).on('close', () => { resolve(heard); });
    client.end('word');
  });

  it('SIGHUP puts a good policy in force and keeps the old one for a bad one', async () => {
    const file = folder.write('p.yaml', policy(ALLOW_ME));
    await start(file);
    serving.signal('SIGHUP');
    assert.equal((await serving.until('policy'))['outcome'], 'unchanged');
    writeFileSync(file, 'apiVersion: portcullis/v1\nkind: AdmissionPolicy\nrules: [{ id: x, efect: allow }]\n');
    serving.signal('SIGHUP');
    const rejected = await serving.until('policy', 2);
    assert.equal(rejected['outcome'], 'rejected');
    assert.ok((rejected['findings'] as readonly { code: string }[]).some(({ code }) => code === 'SCHEMA_UNKNOWN_WORD'));
    assert.match(serving.stderr, /p\.yaml:3:[0-9]+: SCHEMA_/);
    assert.equal(await ask(), 'word');
    writeFileSync(file, policy(ALLOW_OTHER));
    serving.signal('SIGHUP');
    for (let count = 3; (await serving.until('policy', count))['outcome'] !== 'loaded'; count += 1) assert.ok(count < 6);
    assert.equal(await ask(), '');
  });

  it('follows a file that is renamed over the policy, again and again', async () => {
    const file = folder.write('p.yaml', policy(ALLOW_ME));
    await start(file);
    for (const [round, rule] of [ALLOW_OTHER, ALLOW_ME, ALLOW_OTHER].entries()) {
      renameSync(folder.write('new', policy(rule)), file);
      assert.equal((await serving.until('policy', round + 1))['outcome'], 'loaded');
      assert.equal(await ask(), rule === ALLOW_ME ? 'word' : '');
    }
  });

  it('follows a link that is switched to another folder, as volumes of Kubernetes do', async () => {
    for (const [name, rule] of [['one', ALLOW_ME], ['two', ALLOW_OTHER]] as const) {
      mkdirSync(folder.at(name));
      writeFileSync(folder.at(`${name}/p.yaml`), policy(rule));
    }
    symlinkSync('one', folder.at('data'));
    symlinkSync('data/p.yaml', folder.at('p.yaml'));
    await start(folder.at('p.yaml'));
    assert.equal(await ask(), 'word');
    symlinkSync('two', folder.at('data.new'));
    renameSync(folder.at('data.new'), folder.at('data'));
    assert.equal((await serving.until('policy'))['outcome'], 'loaded');
    assert.equal(await ask(), '');
  });

  it('follows a link among the included files that is switched to another one', async () => {
    folder.write('who-1.yaml', policy(ALLOW_OTHER));
    folder.write('who-2.yaml', policy(ALLOW_ME));
    symlinkSync('who-1.yaml', folder.at('who.yaml'));
    await start(folder.write('p.yaml', 'apiVersion: portcullis/v1\nkind: AdmissionPolicy\ninclude: ["./who.yaml"]\n'));
    assert.equal(await ask(), '');
    symlinkSync('who-2.yaml', folder.at('who.new'));
    renameSync(folder.at('who.new'), folder.at('who.yaml'));
    assert.equal((await serving.until('policy'))['outcome'], 'loaded');
    assert.equal(await ask(), 'word');
  });

  for (const include of ['more/conf.d/*.yaml', 'more/conf.d/a.yaml']) {
    it(`follows a folder of \`${include}\` that is a link, switched again and again, and what is written there then`, async () => {
      for (const [name, rule] of [['one', ALLOW_OTHER], ['two', ALLOW_ME], ['three', ALLOW_OTHER]] as const) {
        mkdirSync(folder.at(name));
        folder.write(`${name}/a.yaml`, policy(rule));
      }
      mkdirSync(folder.at('more'));
      symlinkSync('../one', folder.at('more/conf.d'));
      await start(folder.write('p.yaml', `apiVersion: portcullis/v1\nkind: AdmissionPolicy\ninclude: [${include}]\n`));
      for (const [round, name] of ['two', 'three'].entries()) {
        symlinkSync(`../${name}`, folder.at('more/new'));
        renameSync(folder.at('more/new'), folder.at('more/conf.d'));
        const beganMs = performance.now();
        assert.equal((await serving.until('policy', round + 1))['outcome'], 'loaded');
        assert.ok(performance.now() - beganMs < 4_000, 'noticed only by the look that is taken every 5 s');
        assert.equal(await ask(), name === 'two' ? 'word' : '');
      }
      folder.write('three/a.yaml', policy(ALLOW_ME));
      assert.equal((await serving.until('policy', 3))['outcome'], 'loaded');
      assert.equal(await ask(), 'word');
    });
  }

  it('follows included files, new ones too', async () => {
    mkdirSync(folder.at('conf.d'));
    folder.write('conf.d/a.yaml', policy(ALLOW_OTHER));
    await start(folder.write('p.yaml', 'apiVersion: portcullis/v1\nkind: AdmissionPolicy\ninclude: ["./conf.d/*.yaml"]\n'));
    assert.equal(await ask(), '');
    folder.write('conf.d/b.yaml', policy(ALLOW_ME));
    assert.equal((await serving.until('policy'))['outcome'], 'loaded');
    assert.equal(await ask(), 'word');
  });

  it('says nothing of other files in the folder', async () => {
    await start(folder.write('p.yaml', policy(ALLOW_ME)));
    folder.write('notes.txt', 'x');
    await sleep(500);
    assert.deepEqual(serving.of('policy'), []);
  });

  it('SIGTERM stops accepting, lets a live transfer finish, and exits 0', async () => {
    await start(folder.write('p.yaml', policy(ALLOW_ME)));
    const client = dial();
    let heard = '';
    client.setEncoding('utf8').on('data', (text: string) => { heard += text; });
    client.write('before ');
    await serving.until('decision');
    serving.signal('SIGTERM');
    await serving.until('draining');
    await new Promise((resolve) => { dial().on('close', resolve); });
    client.end('after');
    assert.equal(await serving.exited, 0);
    assert.equal(heard, 'before after');
    assert.deepEqual(serving.records.slice(-2).map(({ event }) => event), ['draining', 'stopped']);
    assert.equal(serving.of('stopped')[0]?.['ended'], 0);
  });

  it('a second signal ends at once', async () => {
    await start(folder.write('p.yaml', policy(ALLOW_ME)), '--drain', '60');
    const client = dial();
    client.resume();
    await serving.until('decision');
    serving.signal('SIGINT');
    await serving.until('draining');
    const beganMs = Date.now();
    serving.signal('SIGINT');
    assert.equal(await serving.exited, 130);
    assert.ok(Date.now() - beganMs < 3000);
  });

  it('opens no debugger on SIGUSR1, and goes on after SIGUSR2', async () => {
    await start(folder.write('p.yaml', policy(ALLOW_ME)));
    for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) serving.signal(signal);
    await sleep(500);
    assert.equal(await ask(), 'word');
    assert.doesNotMatch(serving.stderr, /debugger/i);
  });

  it('SIGQUIT ends at once and leaves no socket', async () => {
    await start(folder.write('p.yaml', policy(ALLOW_ME)), '--drain', '60');
    dial().resume();
    await serving.until('decision');
    const beganMs = Date.now();
    serving.signal('SIGQUIT');
    assert.equal(await serving.exited, 131);
    assert.ok(Date.now() - beganMs < 5000);
    assert.ok(!existsSync(folder.at('g.sock')));
  });

  it('is found by its name, as its help says', async () => {
    await start(folder.write('p.yaml', policy(ALLOW_ME)));
    const { pid } = serving.child;
    assert.equal(readFileSync(`/proc/${String(pid)}/comm`, 'utf8'), 'portcullis\n');
    assert.match(readFileSync(`/proc/${String(pid)}/cmdline`, 'utf8'), /^portcullis\0/);
  });
});
