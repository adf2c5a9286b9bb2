import assert from 'node:assert/strict';
import { Folder, policy } from './support/folder.js';
import { portcullis, portcullisProcess } from './support/run.js';

/** What is compared here is of Linux, wherever it is. */
const LINUX = ['--platform', 'linux'];
const A = policy('{ id: people, effect: allow, when: { unix:uid: [1000, 1001] } }', '{ id: no-tracers, effect: deny, when: { linux:tracer: { exists: true } } }');

describe('portcullis diff', () => {
  let folder: Folder;

  beforeEach(() => { folder = new Folder(); folder.write('a.yaml', A); });
  afterEach(() => { folder.remove(); });

  it('exits 0 where nothing differs but the writing, 1 where something does, 2 when it is called wrongly', async () => {
    folder.write('b.yaml', A.replace('[1000, 1001]', '{ range: [1000, 1001] }'));
    const same = await portcullisProcess(['diff', ...LINUX, folder.at('a.yaml'), folder.at('b.yaml')]);
    assert.deepEqual([same.code, same.stdout], [0, 'no peer is decided differently\nrules changed: people (when)\n']);
    const undecided = await portcullis(['diff', ...LINUX, '--max-looks', '1', folder.at('a.yaml'), folder.at('b.yaml')]);
    assert.deepEqual([undecided.code, undecided.stdout.split('\n')[0]], [1, 'no difference was found, and not everything was compared']);
    for (const args of [[folder.at('a.yaml')], [folder.at('a.yaml'), folder.at('b.yaml'), '--max-looks', '0'], [folder.at('a.yaml'), folder.at('b.yaml'), '--clock', 'noon']]) assert.equal((await portcullis(['diff', ...LINUX, ...args])).code, 2);
    assert.equal((await portcullis(['diff', ...LINUX, folder.at('a.yaml'), folder.at('none.yaml')])).code, 1);
  });

  it('lets both policies age from one moment, so that one with `maxAge` is the same as itself', async () => {
    folder.write('aging.yaml', A.replace('rules:', 'maxAge: 1h\nrules:'));
    const { code, stdout } = await portcullis(['diff', ...LINUX, folder.at('aging.yaml'), folder.at('aging.yaml')]);
    assert.deepEqual([code, stdout], [0, 'no peer is decided differently\n']);
  });

  it('says what is wrong with either file, both at once', async () => {
    folder.write('b.yaml', A.replace('unix:uid', 'unix:uuid'));
    folder.write('c.yaml', A.replace('allow', 'permit'));
    const { code, stderr } = await portcullis(['diff', ...LINUX, folder.at('b.yaml'), folder.at('c.yaml')]);
    assert.equal(code, 1);
    assert.match(stderr, /the policy has 2 errors:\n.*b\.yaml:\d+:\d+: POLICY_UNKNOWN_KEY[^]*c\.yaml:\d+:\d+: SCHEMA_VALUE/);
    assert.match(stderr, /unix:uuid[^]*effect: permit/);
  });

  it('shows a witness that `explain` takes, and decides as it says under either policy', async () => {
    folder.write('b.yaml', A.replace('[1000, 1001]', '[1001, 1002]'));
    const { code, stdout } = await portcullis(['diff', ...LINUX, folder.at('a.yaml'), folder.at('b.yaml')]);
    assert.equal(code, 1);
    assert.match(stdout, /^2 differences\nrules changed: people \(when\)\n/);
    assert.match(stdout, /\nadmits less: allow by people {2}→ {2}deny default\n {2}on default; such a peer, as an evidence file:\n {4}unix:uid: 1000\n {4}linux:tracer: null\n {2}portcullis explain --policy \S+b\.yaml --platform linux --listener default --clock \S+ --evidence FILE\n/);
    const json = JSON.parse((await portcullis(['diff', ...LINUX, '--json', folder.at('a.yaml'), folder.at('b.yaml')])).stdout) as { readonly differences: readonly { readonly kind: string; readonly witness: { readonly listener: string; readonly clock: string; readonly evidence: string } }[] };
    for (const { kind, witness: { listener, clock, evidence } } of json.differences) {
      const effects = await Promise.all(['a.yaml', 'b.yaml'].map(async (file) => (await portcullis(['explain', ...LINUX, '-p', folder.at(file), '--listener', listener, '--clock', clock, '-e', '-'], { input: evidence })).stdout.split(' ')[0]));
      assert.deepEqual(effects, kind === 'admits-more' ? ['deny', 'allow'] : ['allow', 'deny']);
    }
    assert.equal(json.differences.length, 2);
  });
});
