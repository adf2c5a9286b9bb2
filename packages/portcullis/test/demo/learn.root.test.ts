import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { Folder } from '../cli/support/folder.js';
import { portcullis } from '../cli/support/run.js';
import { needCompiler, needRoot } from './support/needs.js';
import { DemoRun } from './support/run.js';

describe("learning from the demo's traffic", () => {
  it('gives a policy that passes the demo and refuses its attackers, and a test that holds', async function () {
    needRoot(this);
    needCompiler(this);
    const folder = new Folder();
    try {
      const run = new DemoRun(['--once', '--json']);
      assert.equal(await run.end(), 0, run.text);
      const decisions = run.events.filter(({ event }) => event === 'decision');
      const log = folder.at('demo.ndjson');
      writeFileSync(log, run.events.map((event) => `${JSON.stringify(event)}\n`).join(''));
      const learnt = await portcullis(['learn', log, '-o', folder.at('policy.yaml')]);
      assert.equal(learnt.code, 0, learnt.stderr);
      assert.ok(decisions.some(({ decision }) => decision === 'deny'));
      assert.deepEqual(await portcullis(['check', '--strict', folder.at('policy.yaml')]), { code: 0, stdout: '1 file: 0 errors, 0 warnings\n', stderr: '' });
      const tested = await portcullis(['test', folder.at('policy.test.yaml')]);
      assert.equal(tested.code, 0, tested.stdout);
      const replayed = await portcullis(['replay', '--json', '-p', folder.at('policy.yaml'), log]);
      const { counts, groups } = JSON.parse(replayed.stdout) as { readonly counts: Readonly<Record<string, number>>; readonly groups: readonly object[] };
      // Everyone is decided as in the demo: who came in comes in with the same grant, and every attacker is refused.
      assert.deepEqual(groups, []);
      assert.equal((counts['same'] ?? 0) + (counts['beside'] ?? 0), decisions.length);
      assert.equal(replayed.code, 0);
      // What was learnt already is not written over.
      assert.match((await portcullis(['learn', log, '-o', folder.at('policy.yaml')])).stderr, /REPORT_WRITE/);
    } finally {
      folder.remove();
    }
  });
});
