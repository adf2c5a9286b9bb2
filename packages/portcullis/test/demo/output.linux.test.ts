import assert from 'node:assert/strict';
import { needLinux } from './support/needs.js';
import { DemoRun } from './support/run.js';

describe('what the demo prints', function () {
  before(function () { needLinux(this); });

  it('fits 100 columns where there is no terminal, without colours or control characters', async () => {
    const run = new DemoRun(['--once'], { env: { FORCE_COLOR: '', TERM: 'xterm-256color' } });
    assert.equal(await run.end(), 0, run.text);
    const lines = run.text.split('\n');
    assert.deepEqual(lines.filter((line) => line.length > 100), []);
    assert.deepEqual(lines.filter((line) => /[\u0000-\u001f\u007f-\u009f]/.test(line)), []);
    assert.ok(lines.some((line) => line.includes('x\\u{1b}[2K')), 'a hostile name is shown escaped');
    assert.ok(lines.some((line) => line.startsWith('Checked: ')));
  });

  it('explains itself with --help', async () => {
    const run = new DemoRun(['--help']);
    assert.equal(await run.end(), 0);
    assert.match(run.text, /--once/);
  });

  it('refuses options that there are not with exit code 2', async () => {
    const run = new DemoRun(['--onec']);
    assert.equal(await run.end(), 2);
    assert.match(run.text, /--onec/);
  });

  it('says on another system that it needs Linux, with exit code 1', async () => {
    const darwin = "data:text/javascript,Object.defineProperty(process,'platform',{value:'darwin'})";
    const run = new DemoRun(['--once'], { env: { NODE_OPTIONS: `--import="${darwin}"` } });
    assert.equal(await run.end(), 1);
    assert.match(run.text, /needs Linux, and this is darwin/);
  });
});
