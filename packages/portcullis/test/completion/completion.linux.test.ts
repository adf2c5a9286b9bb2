// Real shells in a terminal, with what the real command prints.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { requireFeature } from '@portcullis/testkit';
import { Folder } from '../cli/support/folder.js';
import { portcullis, portcullisProcess, run } from '../cli/support/run.js';
import { calledWith } from './support/typed.js';

/** What is typed, and what stands there once it was completed. */
const COMPLETED = [
  ['portcullis che', 'check'],
  ['portcullis check --str', 'check --strict'],
  ['portcullis check --format js', 'check --format json'],
  ['portcullis check gatew', 'check gateway.yaml'],
  ['portcullis import sp', 'import spire'],
  ['portcullis import spire --any', 'import spire --any-parent'],
  ['portcullis serve --policy my-pol', 'serve --policy my-policy.yaml'],
  ['portcullis completion ba', 'completion bash'],
] as const;

const typed = COMPLETED.map(([text]) => text);
const expected = COMPLETED.map(([, full]) => full);

describe('completion', function () {
  this.timeout(90_000);
  let folder: Folder;
  before(async function () {
    folder = new Folder(); // first: it is removed after a skip too
    requireFeature(this, 'linux', process.platform === 'linux', 'opens a terminal by Python');
    requireFeature(this, 'python3', existsSync('/usr/bin/python3'), 'no /usr/bin/python3');
    folder.write('gateway.yaml', '');
    folder.write('my-policy.yaml', '');
    for (const shell of ['bash', 'zsh', 'fish']) folder.write(`completion.${shell}`, (await portcullisProcess(['completion', shell])).stdout);
  });
  after(() => { folder.remove(); });

  it('of bash completes commands, options, their values, and files', async function () {
    requireFeature(this, 'bash', existsSync('/bin/bash'), 'no /bin/bash');
    const more = ['portcullis check --format=sar', 'portcullis schema --kind=gat'];
    assert.deepEqual(await calledWith(['/bin/bash', '--norc', '-i'], folder.path, ['source ./completion.bash'], [...typed, ...more]), [...expected, 'check --format=sarif', 'schema --kind=gateway']);
  });

  it('of zsh completes commands, options, their values, and files', async function () {
    requireFeature(this, 'zsh', existsSync('/usr/bin/zsh'), 'no /usr/bin/zsh');
    const setUp = ['autoload -Uz compinit; compinit -u -D', 'source ./completion.zsh'];
    assert.deepEqual(await calledWith(['/usr/bin/zsh', '-f', '-i'], folder.path, setUp, [...typed, 'portcullis check --format=sar']), [...expected, 'check --format=sarif']);
  });

  it('of zsh is found by compinit, as a file of its path', async function () {
    requireFeature(this, 'zsh', existsSync('/usr/bin/zsh'), 'no /usr/bin/zsh');
    const setUp = ['cp completion.zsh _portcullis; fpath=($PWD $fpath); autoload -Uz compinit; compinit -u -D'];
    assert.deepEqual(await calledWith(['/usr/bin/zsh', '-f', '-i'], folder.path, setUp, typed.slice(0, 3)), expected.slice(0, 3));
  });

  it('of fish completes commands, options, their values, and files', async function () {
    requireFeature(this, 'fish', existsSync('/usr/bin/fish'), 'no /usr/bin/fish');
    for (const [text, full] of COMPLETED) {
      const { code, stdout, stderr } = await run('/usr/bin/fish', ['--no-config', '-c', 'source completion.fish; complete -C $argv[1]', text], { cwd: folder.path, env: { HOME: folder.path } });
      assert.equal(code, 0, stderr);
      assert.deepEqual(stdout.split('\n').map((line) => line.split('\t')[0]).filter((line) => line !== ''), [full.split(' ').at(-1)], text);
    }
  });

  it('refuses a shell that it does not know', async () => {
    const { code, stderr } = await portcullis(['completion', 'powershell']);
    assert.equal(code, 2);
    assert.match(stderr, /Use one of: bash, zsh, fish/);
  });
});
