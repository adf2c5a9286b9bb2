import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { requireFeature } from '@portcullis/testkit';
import { Folder } from '../cli/support/folder.js';
import { portcullis, portcullisProcess } from '../cli/support/run.js';
import { Serving } from '../cli/support/serving.js';
import { LanguageServer } from '../schema/support/language-server.js';

const FILES = ['gateway.yaml', 'policy.test.yaml', 'policy.yaml', 'portcullis.schema.json'];

describe('portcullis init', function () {
  this.timeout(60_000);
  let folder: Folder;
  before(function () { requireFeature(this, 'linux', process.platform === 'linux', 'the gateway runs on Linux'); });
  beforeEach(() => { folder = new Folder(); });
  afterEach(() => { folder.remove(); });

  it('writes what is sound, tested, formatted, right in an editor, and runs', async () => {
    const made = folder.at('of my own, "quoted"/gate');
    const { code, stdout, stderr } = await portcullisProcess(['init', made]);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /portcullis serve gateway\.yaml/);
    assert.deepEqual(readdirSync(made).sort(), FILES);
    const here = { cwd: made };
    const [checked, tested, formatted] = await Promise.all([portcullis(['check', '--strict', 'gateway.yaml', 'policy.test.yaml'], here), portcullis(['test', 'policy.test.yaml'], here), portcullis(['fmt', '--check', 'policy.yaml', 'policy.test.yaml', 'gateway.yaml'], here)]);
    assert.deepEqual([checked.code, tested.code, formatted.code], [0, 0, 0], `${checked.stdout}${tested.stdout}${formatted.stdout}`);

    const server = await LanguageServer.start(made);
    try {
      for (const name of FILES.filter((file) => file.endsWith('.yaml'))) assert.deepEqual(await server.open(name, readFileSync(join(made, name), 'utf8')), [], name);
    } finally {
      server.stop();
    }

    const upstream = createServer((socket) => socket.end('hello')).listen(join(made, 'app.sock'));
    const serving = await Serving.start(['gateway.yaml'], made);
    try {
      const answer = await new Promise<string>((resolve, reject) => {
        let text = '';
        connect(join(made, 'gate.sock')).setEncoding('utf8').on('data', (some: string) => { text += some; }).on('end', () => { resolve(text); }).on('error', reject);
      });
      assert.equal(answer, 'hello');
      const { decision, rule } = await serving.until('decision');
      assert.deepEqual([decision, rule], ['allow', 'owner']);
    } finally {
      serving.child.kill('SIGTERM');
      await serving.exited;
      upstream.close();
    }
  });

  it('overwrites nothing: where one file is there, none is written', async () => {
    writeFileSync(folder.at('gateway.yaml'), 'mine');
    const { code, stdout, stderr } = await portcullis(['init', folder.path]);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^portcullis: REPORT_WRITE cannot write to .*\n {2}because nothing is overwritten, and there is `gateway\.yaml`/);
    assert.deepEqual([readdirSync(folder.path), readFileSync(folder.at('gateway.yaml'), 'utf8')], [['gateway.yaml'], 'mine']);
  });

  it('follows no link, and leaves nothing behind where it cannot write', async () => {
    symlinkSync(folder.at('elsewhere'), folder.at('policy.test.yaml'));
    assert.equal((await portcullis(['init', folder.path])).code, 1);
    assert.deepEqual([existsSync(folder.at('elsewhere')), existsSync(folder.at('policy.yaml'))], [false, false]);
    writeFileSync(folder.at('file'), '');
    const below = await portcullis(['init', folder.at('file/below')]);
    assert.equal(below.code, 1);
    assert.match(below.stderr, /^portcullis: REPORT_WRITE cannot write to .*\n {2}because ENOTDIR/);
  });

  it('says so where a socket would have too long a path', async () => {
    const long = folder.at('x'.repeat(100));
    mkdirSync(long);
    const { code, stderr } = await portcullis(['init', long]);
    assert.equal(code, 2);
    assert.match(stderr, /too long to make sockets in it/);
    assert.deepEqual(readdirSync(long), []);
  });
});
