import assert from 'node:assert/strict';
import { chmodSync, chownSync, lchownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { ATTESTOR, type Attestor, type Registrar } from '@portcullis/core';
import { requireRoot } from '@portcullis/testkit';
import { loadPlugin, platformCatalogue } from 'portcullis';
import { PluginFolder, TEAM } from './support/plugin-folder.js';

const STRANGER = 54_321;

/** What a plugin registers. */
async function attestorsOf(use: string, from: string, options?: Readonly<Record<string, string | boolean>>): Promise<readonly Attestor[]> {
  const plugin = await loadPlugin({ use, from, ...(options && { options }) });
  const attestors: Attestor[] = [];
  const registrar: Registrar = { register(token, { useValue }) { assert.equal(token, ATTESTOR); attestors.push(useValue as Attestor); } };
  plugin(registrar);
  return attestors;
}

describe('a plugin', () => {
  let folder: PluginFolder;
  beforeEach(() => { folder = new PluginFolder(); });
  afterEach(() => { folder.remove(); });

  const refused = (use: string, code: string, options?: Readonly<Record<string, string | boolean>>): Promise<void> => assert.rejects(attestorsOf(use, folder.path, options), { code });

  describe('is found', () => {
    const places: readonly (readonly [what: string, use: string, make: () => unknown])[] = [
      ['as a package by the path of its folder', './team', () => folder.addPackage('team', TEAM)],
      ['as one file', './team/index.js', () => folder.addPackage('team', TEAM)],
      ['as one file without a package', './team.mjs', () => folder.add({ 'team.mjs': TEAM })],
      ['by its package\'s name', '@acme/team', () => folder.addPackage('node_modules/@acme/team', TEAM)],
      ['by the conditions of its exports', './team', () => folder.addPackage('team', 'throw new Error("wrong one")', { exports: { '.': { types: './index.d.ts', require: './index.js', import: './team.js' } } }).add({ 'team/team.js': TEAM })],
      ['by `main`, where it has no exports', './team', () => folder.addPackage('team', 'throw new Error("wrong one")', { exports: undefined, main: 'team.js' }).add({ 'team/team.js': TEAM })],
      ['as a CommonJS module', './team', () => folder.addPackage('team', TEAM.replace('export function register', 'module.exports = { register }; function register'), { type: 'commonjs' })],
      ['behind a link of ours', './link', () => { folder.addPackage('team', TEAM); symlinkSync('team', folder.at('link')); }],
    ];
    for (const [what, use, make] of places) {
      it(what, async () => {
        make();
        const [attestor, ...more] = await attestorsOf(use, folder.path);
        assert.equal(attestor?.name, 'team');
        assert.equal(more.length, 0);
      });
    }

    it('from a folder above, as Node does', async () => {
      folder.addPackage('node_modules/team', TEAM).add({ 'deep/er/x': '' });
      assert.equal((await attestorsOf('team', folder.at('deep/er'))).length, 1);
    });

    it('never by a name that is a path in disguise, nor where there is nothing', async () => {
      for (const use of ['nothing-of-that-name', './nothing', '../nothing', 'team/../../x', '@acme/../x', '', 'file:///tmp/x', 'data:text/javascript,0', 'node:fs', 'TEAM']) await refused(use, 'PLUGIN_NOT_FOUND');
      folder.add({ 'empty/x': '' });
      await refused('./empty', 'PLUGIN_NOT_FOUND');
      folder.addPackage('unbuilt', TEAM, { exports: './dist/index.js' });
      await refused('./unbuilt', 'PLUGIN_NOT_FOUND');
    });
  });

  it('makes its attestors anew for each gate, with a catalogue that it cannot change afterwards', async () => {
    folder.addPackage('team', `${TEAM}\nexport const kept = [];`);
    const plugin = await loadPlugin({ use: './team', from: folder.path });
    const made: Attestor[] = [];
    for (let gate = 0; gate < 2; gate += 1) plugin({ register: (_, { useValue }) => made.push(useValue as Attestor) });
    assert.notEqual(made[0], made[1]);
    const [definition] = made[0]?.selectors ?? [];
    assert.ok(definition !== undefined && Object.isFrozen(made[0]?.selectors) && Object.isFrozen(definition) && Object.isFrozen(definition.value));
    assert.ok((await platformCatalogue('linux', [plugin])).find('team:name') !== undefined);
  });

  it('is told its options, and refuses wrong ones with its own reason', async () => {
    folder.addPackage('team', TEAM);
    const [attestor] = await attestorsOf('./team', folder.path, { team: 'red' });
    const findings = await attestor?.attest({} as never, new Set(['team:name']), new AbortController().signal, new Map());
    assert.deepEqual(findings?.get('team:name'), { state: 'present', values: ['red'] });
    await assert.rejects(attestorsOf('./team', folder.path, { taem: 'red' }), (error: Error) => 'code' in error && error.code === 'PLUGIN_OPTIONS' && error.cause instanceof Error && error.cause.message.includes('`team` must be text'));
  });

  const body = (attestor: string, before = ''): string => `${before}\nexport function register(registrar) { registrar.register(Symbol.for('portcullis.attestor'), { useValue: ${attestor} }); }`;
  const definition = (change: string): string => `{ name: 'x', attest() {}, selectors: [{ key: 'x:y', value: { type: 'text' }, many: false, trust: 'derived', cost: 'proc', summary: 's', example: 'e', ...${change} }] }`;
  const unusable: readonly (readonly [what: string, source: string, code: string])[] = [
    ['throws while it loads', 'throw new Error("no")', 'PLUGIN_FAILED'],
    ['has a syntax error', 'export function (', 'PLUGIN_FAILED'],
    ['imports what is not there', 'import "not-there-at-all";', 'PLUGIN_FAILED'],
    ['exports no `register`', 'export const registrar = 1;', 'PLUGIN_INVALID'],
    ['exports as `register` what is no function', 'export const register = {};', 'PLUGIN_INVALID'],
    ['registers nothing', 'export function register() {}', 'PLUGIN_INVALID'],
    ['throws in `register`', 'export function register() { throw new Error("no"); }', 'PLUGIN_FAILED'],
    ['answers with a promise', 'export async function register() {}', 'PLUGIN_INVALID'],
    ['registers another peer source', "export function register(registrar) { registrar.register(Symbol.for('portcullis.peer-source'), { useValue: {} }); }", 'PLUGIN_INVALID'],
    ['registers what is no attestor', body('{ name: "x" }'), 'PLUGIN_INVALID'],
    ['registers nothing at all as an attestor', body('undefined'), 'PLUGIN_INVALID'],
    ['has an attestor without keys', body('{ name: "x", selectors: [], attest() {} }'), 'PLUGIN_INVALID'],
    ['has a name with a line end', body('{ ...' + definition('{}') + ', name: "x\\ny" }'), 'PLUGIN_INVALID'],
    ['has a key that is none', body(definition('{ key: "X Y" }')), 'PLUGIN_INVALID'],
    ['has a type that nobody knows', body(definition('{ value: { type: "regexp" } }')), 'PLUGIN_INVALID'],
    ['has a trust tier of its own', body(definition('{ trust: "certain" }')), 'PLUGIN_INVALID'],
    ['has a cost tier of its own', body(definition('{ cost: "free" }')), 'PLUGIN_INVALID'],
    ['has an example that is no value', body(definition('{ example: 7 }')), 'PLUGIN_INVALID'],
    ['does not say whether a key is many-valued', body(definition('{ many: undefined }')), 'PLUGIN_INVALID'],
    ['has a mark that is neither true nor false', body(definition('{ sensitive: "yes" }')), 'PLUGIN_INVALID'],
  ];
  for (const [what, source, code] of unusable) {
    it(`that ${what} is refused: ${code}`, async () => {
      folder.addPackage('bad', source);
      await refused('./bad', code);
    });
  }

  it('may not leave its package by its entry', async () => {
    folder.addPackage('bad', TEAM, { exports: undefined, main: '../outside.js' }).add({ 'outside.js': TEAM });
    await refused('./bad', 'PLUGIN_INVALID');
    folder.addPackage('worse', TEAM, { exports: {} });
    await refused('./worse', 'PLUGIN_INVALID');
    folder.add({ 'torn/package.json': '{' });
    await refused('./torn', 'PLUGIN_INVALID');
  });

  describe('of which somebody else can change something is not loaded', () => {
    before(function () {
      requireRoot(this, 'needs files of another user');
    });
    beforeEach(() => {
      folder.addPackage('team', TEAM, { dependencies: { dep: '1' } }).add({ 'team/lib/deep.js': '' });
      folder.addPackage('node_modules/dep', '', { name: 'dep', peerDependencies: { peer: '1' } }).addPackage('node_modules/peer', '', { name: 'peer' });
      mkdirSync(folder.at('elsewhere'));
      symlinkSync('../../elsewhere', folder.at('team/lib/link'));
    });

    it('and is loaded while nobody can', async () => {
      assert.equal((await attestorsOf('./team', folder.path)).length, 1);
    });

    const places = ['team', 'team/package.json', 'team/index.js', 'team/lib', 'team/lib/deep.js', 'elsewhere', 'node_modules', 'node_modules/dep/index.js', 'node_modules/peer/package.json', '.'];
    for (const place of places) {
      it(`${place === '.' ? 'the folder above' : place}: owned by another, or writable by its group or everybody`, async () => {
        chownSync(folder.at(place), STRANGER, 0);
        await refused('./team', 'PLUGIN_UNTRUSTED');
        chownSync(folder.at(place), 0, 0);
        for (const mode of [0o775, 0o757]) {
          chmodSync(folder.at(place), mode);
          await refused('./team', 'PLUGIN_UNTRUSTED');
        }
        chmodSync(folder.at(place), 0o755);
        assert.equal((await attestorsOf('./team', folder.path)).length, 1);
      });
    }

    it('a sticky folder of root\'s may be above, but not hold it, nor a link to it', async () => {
      chmodSync(folder.path, 0o1777);
      assert.equal((await attestorsOf('./team', folder.path)).length, 1);
      symlinkSync('team', folder.at('link'));
      await refused('./link', 'PLUGIN_UNTRUSTED');
      folder.add({ 'lone.mjs': TEAM });
      await refused('./lone.mjs', 'PLUGIN_UNTRUSTED');
    });

    it('modules that another put into a sticky folder above, for what it imports and no manifest says', async () => {
      chmodSync(folder.path, 0o1777);
      folder.addPackage('below/team', `await import('planted').catch(() => undefined);\n${TEAM}`);
      rmSync(folder.at('node_modules'), { recursive: true });
      assert.equal((await attestorsOf('./below/team', folder.path)).length, 1);
      for (const plant of [() => { symlinkSync('/nowhere', folder.at('node_modules')); }, () => { folder.addPackage('node_modules/planted', 'globalThis.planted = true;'); }]) {
        rmSync(folder.at('node_modules'), { recursive: true, force: true });
        plant();
        lchownSync(folder.at('node_modules'), STRANGER, STRANGER);
        await refused('./below/team', 'PLUGIN_UNTRUSTED');
      }
      assert.ok(!('planted' in globalThis));
    });

    it('the gateway file that names it', async () => {
      folder.add({ 'gateway.yaml': '' });
      const named = { file: folder.at('gateway.yaml'), at: 'gateway.yaml:1:1' };
      await loadPlugin({ use: './team', from: folder.path, named });
      chmodSync(named.file, 0o666);
      await assert.rejects(loadPlugin({ use: './team', from: folder.path, named }), { code: 'PLUGIN_UNTRUSTED' });
    });

    it('a package of that name that another put into a folder above', async () => {
      const stranger = mkdtempSync(join(folder.path, 'stranger-'));
      chmodSync(stranger, 0o755);
      folder.addPackage(`${stranger.slice(folder.path.length + 1)}/node_modules/planted`, TEAM);
      chownSync(join(stranger, 'node_modules'), STRANGER, STRANGER);
      await assert.rejects(attestorsOf('planted', stranger), { code: 'PLUGIN_UNTRUSTED' });
      rmSync(stranger, { recursive: true });
    });
  });
});
