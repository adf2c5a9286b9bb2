import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { requireFeature } from '@portcullis/testkit';
import { ME } from '../cli/support/folder.js';
import { portcullis, portcullisProcess, run } from '../cli/support/run.js';
import { Serving } from '../cli/support/serving.js';
import { httpHello, UpstreamServer } from '../cli/support/upstream.js';
import { ROOT } from '../docs/support/pages.js';
import { PluginFolder } from '../plugins/support/plugin-folder.js';
import { attestorFiles } from '../../dist/init/attestor.js';

/** Without a network: what is not there fails. */
const OFFLINE = { ...process.env, npm_config_offline: 'true', npm_config_update_notifier: 'false' };

function npm(cwd: string, ...args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile('npm', args, { cwd, env: OFFLINE, encoding: 'utf8' }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${stdout}${stderr}`, { cause: error }));
    });
  });
}

describe('portcullis init --attestor', function () {
  this.timeout(120_000);
  let folder: PluginFolder;
  before(function () { requireFeature(this, 'linux', process.platform === 'linux', 'the gateway runs on Linux'); });
  beforeEach(() => { folder = new PluginFolder(); });
  afterEach(() => { folder.remove(); });

  it('writes a plugin that builds, passes its own tests, and decides behind `portcullis serve` as it would be published', async () => {
    const made = folder.at('my plugin');
    const { code, stdout, stderr } = await portcullisProcess(['init', '--attestor', 'team-2b', made]);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /portcullis-attestor-team-2b, which has a key `team-2b:label`[^]*npm test/);

    // What `npm install` would bring.
    symlinkSync(join(ROOT, 'node_modules'), folder.at('node_modules'));
    const tested = await npm(made, 'test');
    assert.match(tested, /# pass [1-9][0-9]\n# fail 0\n/);

    const [packed] = JSON.parse(await npm(made, 'pack', '--json', '--ignore-scripts')) as readonly [{ readonly filename: string; readonly files: readonly { readonly path: string }[] }];
    const shipped = packed.files.map(({ path }) => path);
    assert.deepEqual(shipped.filter((path) => !path.startsWith('dist/')), ['README.md', 'package.json']);
    assert.ok(shipped.includes('dist/index.d.ts'));

    const installed = folder.at('host/node_modules/portcullis-attestor-team-2b');
    mkdirSync(installed, { recursive: true });
    assert.equal((await run('/bin/tar', ['-xzf', join(made, packed.filename), '-C', installed, '--strip-components=1'])).code, 0);
    folder.add({
      'host/table.json': JSON.stringify({ [ME]: ['blue'] }),
      'host/p.yaml': 'apiVersion: portcullis/v1\nkind: AdmissionPolicy\nrules:\n  - { id: blue, effect: allow, when: { team-2b:label: blue } }\n',
      'host/gateway.yaml': [
        'apiVersion: portcullis/v1', 'kind: Gateway', `plugins: [{ use: portcullis-attestor-team-2b, options: { file: ${folder.at('host/table.json')} } }]`, 'listeners:',
        `  - { name: front, listen: { path: ${folder.at('g.sock')} }, upstream: "unix:${folder.at('up.sock')}", policy: p.yaml }`, '',
      ].join('\n'),
    });
    const upstream = await UpstreamServer.listen(folder.at('up.sock'), httpHello);
    const serving = await Serving.start([folder.at('host/gateway.yaml')]);
    try {
      assert.equal((await run('/usr/bin/curl', ['-s', '--max-time', '10', '--unix-socket', folder.at('g.sock'), 'http://x/'])).stdout, 'hello\n');
      assert.deepEqual(((await serving.until('decision'))['selectors'] as Record<string, unknown>)['team-2b:label'], { values: ['blue'], tier: 'derived' });
    } finally {
      await serving.stop();
      await upstream.close();
    }
  });

  it('overwrites nothing, and takes no name that could be no source or is the platform\'s', async () => {
    folder.add({ 'src/table.ts': 'mine' });
    const there = await portcullis(['init', '--attestor', 'team', folder.path]);
    assert.deepEqual([there.code, readFileSync(folder.at('src/table.ts'), 'utf8'), existsSync(folder.at('package.json'))], [1, 'mine', false]);
    const [wrong, taken] = await Promise.all(['Team', 'unix'].map((name) => portcullis(['init', '--attestor', name, folder.at('new')])));
    assert.deepEqual([wrong?.code, taken?.code, existsSync(folder.at('new'))], [2, 2, false]);
    assert.match(taken?.stderr ?? '', /`unix:…` are keys of the platform's own attestor/);
  });

  it('names itself throughout, and asks for the compiler that this repository has', () => {
    const files = attestorFiles('team-2b', '1.2.3');
    for (const [name, text] of files) assert.doesNotMatch(text, /[aA]cme|ACME|VERSION/, name);
    assert.match(files.get('src/attestor.ts') ?? '', /class Team2bAttestor[^]*'team-2b'/);
    assert.match(files.get('src/index.ts') ?? '', /TEAM_2B_SELECTORS/);
    const devDependencies = (text = '{}'): Readonly<Record<string, string>> => (JSON.parse(text) as { readonly devDependencies: Readonly<Record<string, string>> }).devDependencies;
    const [ours, theirs] = [devDependencies(readFileSync(join(ROOT, 'package.json'), 'utf8')), devDependencies(files.get('package.json'))];
    assert.deepEqual(['typescript', '@types/node'].map((name) => theirs[name]), ['typescript', '@types/node'].map((name) => ours[name]));
  });
});
