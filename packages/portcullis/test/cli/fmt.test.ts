import assert from 'node:assert/strict';
import { chmodSync, lstatSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { Folder } from './support/folder.js';
import { portcullis, portcullisProcess } from './support/run.js';

const LOOSE = 'kind:   AdmissionPolicy # why\nrules:\n    - {id: one}\n';
const NEAT = 'kind: AdmissionPolicy # why\nrules:\n  - { id: one }\n';

describe('portcullis fmt', function () {
  let folder: Folder;

  beforeEach(() => { folder = new Folder(); });
  afterEach(() => { folder.remove(); });

  it('rewrites what is not formatted, names it, and is done after once', async () => {
    const [loose, neat] = [folder.write('loose.yaml', LOOSE), folder.write('neat.yaml', NEAT)];
    assert.deepEqual(await portcullis(['fmt', loose, neat]), { code: 0, stdout: `${loose}\n2 files: 1 changed, 0 failed\n`, stderr: '' });
    assert.equal(readFileSync(loose, 'utf8'), NEAT);
    assert.equal((await portcullis(['fmt', loose])).stdout, '1 file: 0 changed, 0 failed\n');
  });

  it('keeps mode and links, and leaves nothing beside the file', async () => {
    const file = folder.write('loose.yaml', LOOSE);
    chmodSync(file, 0o640);
    symlinkSync('loose.yaml', folder.at('link.yaml'));
    assert.equal((await portcullis(['fmt', folder.at('link.yaml')])).code, 0);
    assert.equal(readFileSync(file, 'utf8'), NEAT);
    assert.equal(statSync(file).mode & 0o7777, 0o640);
    assert.ok(lstatSync(folder.at('link.yaml')).isSymbolicLink());
    assert.deepEqual(readdirSync(folder.path).sort(), ['link.yaml', 'loose.yaml']);
  });

  it('with --check writes nothing, and exits 1 where something is not formatted', async () => {
    const [loose, neat] = [folder.write('loose.yaml', LOOSE), folder.write('neat.yaml', NEAT)];
    assert.deepEqual(await portcullis(['fmt', '--check', neat]), { code: 0, stdout: '1 file: 0 not formatted, 0 failed\n', stderr: '' });
    assert.deepEqual(await portcullis(['fmt', '--check', loose]), { code: 1, stdout: `${loose}\n1 file: 1 not formatted, 0 failed\n`, stderr: '' });
    assert.equal(readFileSync(loose, 'utf8'), LOOSE);
  });

  it('formats stdin to stdout', async () => {
    assert.deepEqual(await portcullisProcess(['fmt', '-'], { input: LOOSE }), { code: 0, stdout: NEAT, stderr: '' });
    assert.equal((await portcullis(['fmt', '-', 'x.yaml'], { input: LOOSE })).code, 2);
  });

  it('leaves alone what it cannot read, and exits 1', async () => {
    const broken = folder.write('broken.yaml', 'a: [');
    const { code, stdout, stderr } = await portcullis(['fmt', broken]);
    assert.deepEqual([code, stdout], [1, '1 file: 0 changed, 1 failed\n']);
    assert.match(stderr, /broken\.yaml:1:\d+: YAML_SYNTAX/);
    assert.equal(readFileSync(broken, 'utf8'), 'a: [');
    assert.match((await portcullis(['fmt', folder.at('none.yaml')])).stderr, /POLICY_READ cannot read .*none\.yaml/);
  });
});
