import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { skipUnless } from '@portcullis/testkit';
import { Folder } from './support/folder.js';
import { mine, sourceFolder } from './support/mine.js';
import { portcullis, portcullisProcess } from './support/run.js';

const ENTRIES = fileURLToPath(new URL('../../test/import/fixtures/entries.json', import.meta.url));
const SPIRE = ['import', 'spire', '--platform', 'linux'];

describe('portcullis import spire', function () {
  let folder: Folder;

  beforeEach(() => { folder = new Folder(); });
  afterEach(() => { folder.remove(); });

  it('makes a policy that passes `check`, and names on stderr what it left out', async () => {
    const file = folder.at('policy.yaml');
    const { code, stdout, stderr } = await portcullis([...SPIRE, ENTRIES, '-o', file]);
    assert.deepEqual([code, stdout], [0, '']);
    assert.match(stderr, /^left out: spiffe:\/\/example\.org\/nodes\/web \(2a77.*\): it describes a node/m);
    assert.match(stderr, /^note: .*runner.*`admin`/m);
    assert.match(stderr, /^3 entries: 2 imported, 1 left out$/m);
    assert.equal((await portcullis(['check', '--platform', 'linux', file])).code, 0);
    assert.equal((await portcullis(['fmt', '--check', file])).code, 0);
  });

  it('decides by the subset rule, and grants every ID that matches', async () => {
    const file = folder.at('policy.yaml');
    await portcullis([...SPIRE, ENTRIES, '-o', file]);
    const evidence = folder.write('peer.yaml', 'unix:uid: 998\nunix:path: /opt/ci/bin/runner\nunix:supplementary_group: [ci, users]\n');
    const { stdout } = await portcullis(['explain', '--policy', file, '--evidence', evidence, '--json']);
    const { decision } = JSON.parse(stdout) as { readonly decision: { readonly grant: object } };
    assert.deepEqual(decision.grant, { 'spiffe://example.org/ci': true, 'spiffe://example.org/ci/runner': true });
  });

  it("carries pods with the plugin that knows them, and not without", async function () {
    const entry = { spiffe_id: 'spiffe://example.org/web', parent_id: 'spiffe://example.org/agent', selectors: [{ type: 'k8s', value: 'ns:prod' }, { type: 'k8s', value: 'pod-label:app.kubernetes.io/name:web' }] };
    const [entries, file] = [folder.write('entries.json', JSON.stringify({ entries: [entry] })), folder.at('policy.yaml')];
    const without = await portcullis([...SPIRE, entries]);
    assert.deepEqual([without.code, without.stdout], [1, '']);
    assert.match(without.stderr, /IMPORT_REFUSED .*`k8s:ns`.*@portcullis\/attestor-kubernetes/);
    const plugin = sourceFolder('attestor-kubernetes');
    skipUnless(this, mine(plugin), 'the repository is not ours and root\'s alone, so that no plugin may be loaded from it');
    const made = await portcullis([...SPIRE, entries, '--plugin', plugin, '-o', file]);
    assert.equal(made.code, 0, made.stderr);
    assert.equal((await portcullis(['check', '--platform', 'linux', '--plugin', plugin, file])).code, 0);
  });

  it('reads stdin and writes stdout', async () => {
    const { code, stdout } = await portcullisProcess([...SPIRE, '-'], { input: readFileSync(ENTRIES, 'utf8') });
    assert.equal(code, 0);
    assert.match(stdout, /^kind: AdmissionPolicy$/m);
  });

  it('makes nothing with --strict where an entry would be left out', async () => {
    const { code, stdout } = await portcullis([...SPIRE, '--strict', ENTRIES]);
    assert.deepEqual([code, stdout], [1, '']);
  });

  it('replaces a file only when told', async () => {
    const file = folder.write('policy.yaml', 'mine');
    const refused = await portcullis([...SPIRE, ENTRIES, '-o', file]);
    assert.deepEqual([refused.code, readFileSync(file, 'utf8')], [1, 'mine']);
    assert.match(refused.stderr, /REPORT_WRITE .*--force/);
    assert.equal((await portcullis([...SPIRE, ENTRIES, '-o', file, '--force'])).code, 0);
    assert.match(readFileSync(file, 'utf8'), /AdmissionPolicy/);
  });

  it('says what it cannot read, and exits 1', async () => {
    assert.match((await portcullis([...SPIRE, folder.at('none')])).stderr, /^portcullis: IMPORT_READ /);
    assert.match((await portcullis([...SPIRE, folder.write('x.json', 'no')])).stderr, /^portcullis: IMPORT_INVALID /);
    assert.equal((await portcullis(['import'])).code, 2);
  });
});
