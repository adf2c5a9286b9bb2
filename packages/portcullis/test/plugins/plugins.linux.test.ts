import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { requireFeature, skipUnless } from '@portcullis/testkit';
import { ME, policy } from '../cli/support/folder.js';
import { portcullisProcess as portcullis, run } from '../cli/support/run.js';
import { Serving } from '../cli/support/serving.js';
import { httpHello, UpstreamServer } from '../cli/support/upstream.js';
import { PluginFolder, TEAM } from './support/plugin-folder.js';

const CURL = '/usr/bin/curl';
const OF_TEAM = `{ id: team, effect: allow, when: { unix:uid: ${String(ME)}, team:name: platform } }`;
const OF_ME = `{ id: me, effect: allow, listeners: [front], when: { unix:uid: ${String(ME)} } }`;

describe('plugins of a gateway', () => {
  let folder: PluginFolder;
  let serving: Serving | undefined;
  let upstream: UpstreamServer | undefined;

  before(function () {
    requireFeature(this, 'linux', process.platform === 'linux', 'needs Linux');
  });
  beforeEach(() => {
    folder = new PluginFolder().addPackage('team', TEAM);
    folder.write('p.yaml', policy(OF_TEAM));
  });
  afterEach(async () => {
    await serving?.stop();
    await upstream?.close();
    [serving, upstream] = [undefined, undefined];
    folder.remove();
  });

  const visit = async (ctx: Mocha.Context, plugins: string): Promise<{ readonly answer: string; readonly record: Awaited<ReturnType<Serving['until']>> }> => {
    skipUnless(ctx, existsSync(CURL), 'needs curl');
    upstream = await UpstreamServer.listen(folder.at('up.sock'), httpHello);
    serving = await Serving.start([folder.gateway(plugins)]);
    const { stdout } = await run(CURL, ['-s', '--max-time', '10', '--unix-socket', folder.at('g.sock'), 'http://x/']);
    return { answer: stdout, record: await serving.until('decision') };
  };

  it('decide who comes in, and their facts are in the record with their tier', async function () {
    const { answer, record } = await visit(this, '[./team]');
    assert.equal(answer, 'hello\n');
    assert.deepEqual((record['selectors'] as Record<string, unknown>)['team:name'], { values: ['platform'], tier: 'derived' });
  });

  it('are told their options from the gateway file', async function () {
    const { answer, record } = await visit(this, '[{ use: ./team, options: { team: red } }]');
    assert.equal(answer, '');
    assert.equal(record['decision'], 'deny');
  });

  it('make their own keys unknown, and nobody else\'s, where their service is down', async function () {
    folder.write('p.yaml', policy(OF_TEAM, OF_ME));
    const { answer, record } = await visit(this, '[{ use: ./team, options: { down: true } }]');
    assert.equal(answer, 'hello\n');
    assert.equal(record['rule'], 'me');
    assert.deepEqual((record['unknown'] as Record<string, unknown>)['team:name'], 'service-down');
  });

  const broken: readonly (readonly [what: string, plugins: string, pattern: RegExp])[] = [
    ['that is not there', '[./nothing]', /^portcullis: PLUGIN_NOT_FOUND/],
    ['that throws', '[./throws]', /^portcullis: PLUGIN_FAILED .*`\.\/throws \(.*gateway\.yaml:3:11\)`[^]*because[^]*the reason/],
    ['whose options are wrong', '[{ use: ./team, options: { team: 7 } }]', /^portcullis: PLUGIN_OPTIONS [^]*because PLUGIN_OPTIONS `team` must be text/],
    ['that claims a key of the platform', '[./thief]', /^portcullis: CATALOGUE_CONFLICT `linux` and `thief` both claim `unix:uid`/],
    ['that claims a whole source of the platform', '[./greedy]', /^portcullis: CATALOGUE_CONFLICT `linux` and `greedy` both claim `unix:\*`/],
    ['twice', '[./team, ./team]', /^portcullis: CATALOGUE_CONFLICT/],
    ['by a word that names none', '["npm:team"]', /^portcullis: GATEWAY_INVALID[^]*gateway\.yaml:3:11: SCHEMA_VALUE a plugin is named by/],
  ];
  for (const [what, plugins, pattern] of broken) {
    it(`stop the start: one ${what}`, async () => {
      const thief = (name: string, key: string): string => TEAM.replace("'team:name'", `'${key}'`).replace("name: 'team'", `name: '${name}'`);
      folder.addPackage('throws', 'throw new Error("the reason")').addPackage('thief', thief('thief', 'unix:uid')).addPackage('greedy', thief('greedy', 'unix:*'));
      const file = folder.gateway(plugins);
      for (const command of ['serve', 'check']) {
        const { code, stdout, stderr } = await portcullis([command, file]);
        assert.equal(code, 1, stderr);
        if (command === 'serve' || !pattern.source.includes('GATEWAY_INVALID')) assert.match(stderr, pattern);
        else assert.match(stdout, /gateway\.yaml:3:11: SCHEMA_VALUE/);
        assert.ok(!stderr.includes('    at '), stderr);
      }
      assert.ok(!existsSync(folder.at('g.sock')));
    });
  }

  it('enter `check`, by the gateway file, by name and by path', async () => {
    assert.match((await portcullis(['check', folder.at('p.yaml')])).stdout, /POLICY_UNKNOWN_KEY/);
    for (const choice of [['--plugin', './team'], ['--plugin', folder.at('team')], ['--gateway', folder.gateway('[./team]')]]) {
      const { code, stdout } = await portcullis(['check', ...choice, folder.at('p.yaml')], { cwd: folder.path });
      assert.equal(code, 0, stdout);
    }
    assert.equal((await portcullis(['check', '--host', folder.gateway('[./team]')])).code, 0);
    assert.match((await portcullis(['check', '--host', folder.gateway('[{ use: ./team, options: { down: true } }]')])).stdout, /`team:name` \(service-down\)/);
  });

  it('enter `test`, `explain` and `inspect`', async () => {
    folder.write('t.yaml', `apiVersion: portcullis/v1\nkind: PolicyTest\npolicy: p.yaml\nclock: 2026-11-23T09:00:00Z\ncases:\n  - { name: in, listener: x, peer: { unix:uid: ${String(ME)}, team:name: platform }, expect: { decision: allow } }\n`);
    const choice = ['--plugin', folder.at('team')];
    assert.equal((await portcullis(['test', ...choice, folder.at('t.yaml')])).code, 0);
    const explained = await portcullis(['explain', ...choice, '-p', folder.at('p.yaml'), '-e', '-'], { input: `{"unix:uid": ${String(ME)}, "team:name": "platform"}` });
    assert.match(explained.stdout, /allow/);
    const { stdout } = await portcullis(['inspect', ...choice, '--self', '--json']);
    const { keys } = JSON.parse(stdout) as { readonly keys: readonly { readonly key: string }[] };
    assert.deepEqual(keys.find(({ key }) => key === 'team:name'), { key: 'team:name', state: 'present', values: ['platform'], tier: 'derived' });
  });

  it('stand before a service without a gateway file', async () => {
    serving = await Serving.start(['--plugin', folder.at('team'), '--policy', folder.at('p.yaml'), '--listen', `unix:${folder.at('g.sock')}`, '--upstream', `unix:${folder.at('up.sock')}`]);
    assert.equal(serving.of('listening').length, 1);
  });
});
