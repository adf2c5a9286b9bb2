import 'reflect-metadata';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { Completions, loadPolicy, readRecord, replayRecord, requirePolicy } from '@portcullis/policy';
import { platformCatalogue } from '../../dist/compose/platform.js';
import { Folder } from '../cli/support/folder.js';
import { portcullis } from '../cli/support/run.js';
import { ROOTS } from './support/expected.js';
import { needCompiler, needRoot } from './support/needs.js';
import { DemoRun, type Event } from './support/run.js';

interface Replayed {
  readonly counts: Readonly<Record<string, number>>;
  readonly groups: readonly object[];
}

/** A demo as a process of its own: its end is as it expects. */
async function demo(...args: readonly string[]): Promise<DemoRun> {
  const run = new DemoRun(['--once', '--json', ...args]);
  assert.equal(await run.end(), 0, `${run.text}\n${JSON.stringify(run.events.at(-1))}`);
  return run;
}

/** Who came through, by name. */
function admitted(run: DemoRun): readonly string[] {
  return Object.entries(run.outcomes()).filter(([, outcome]) => outcome.startsWith('allow')).map(([name]) => name);
}

function log(path: string, events: readonly Event[]): string {
  writeFileSync(path, events.map((event) => `${JSON.stringify(event)}\n`).join(''));
  return path;
}

describe("learning from the demo's traffic", () => {
  let folder: Folder;
  before(function () {
    needRoot(this);
    needCompiler(this);
  });
  beforeEach(() => { folder = new Folder(); });
  afterEach(() => { folder.remove(); });

  it('gives a policy that passes the demo and refuses its attackers, and a test that holds', async () => {
    const first = await demo();
    const decisions = first.events.filter(({ event }) => event === 'decision');
    const records = log(folder.at('demo.ndjson'), first.events);
    const policy = folder.at('policy.yaml');
    const learnt = await portcullis(['learn', records, '-o', policy]);
    assert.equal(learnt.code, 0, learnt.stderr);
    assert.deepEqual(await portcullis(['check', '--strict', policy]), { code: 0, stdout: '1 file: 0 errors, 0 warnings\n', stderr: '' });
    const tested = await portcullis(['test', folder.at('policy.test.yaml')]);
    assert.equal(tested.code, 0, tested.stdout);

    // On what was recorded: everyone is decided as in the demo, with the same grant.
    const replayed = await portcullis(['replay', '--json', '-p', policy, records]);
    const { counts, groups } = JSON.parse(replayed.stdout) as Replayed;
    assert.deepEqual(groups, []);
    assert.equal((counts['same'] ?? 0) + (counts['beside'] ?? 0), decisions.length);
    assert.equal(replayed.code, 0);

    // On the same peers, once more in the flesh: the demo itself looks that the others get not a byte through.
    const second = await demo('--policy', policy);
    assert.deepEqual(admitted(second), admitted(first));
    assert.ok(admitted(second).includes('honest'));
    assert.equal(Object.keys(second.outcomes()).length, Object.keys(first.outcomes()).length);
    // What was learnt already is not written over.
    assert.match((await portcullis(['learn', records, '-o', policy])).stderr, /REPORT_WRITE/);
  });

  it('while everybody is admitted takes those who came as they are for peers, and no attack for one', async () => {
    const observed = await demo('--observe');
    const { requests } = await observed.event(({ event }) => event === 'demo-result');
    const attacks = ['forged', 'mapped', 'preload', 'memfd', 'deleted', 'traced'];
    for (const name of attacks) assert.ok((requests as Readonly<Record<string, number>>)[name] === 1 || observed.outcomes()[name] === 'skipped', name);
    const policy = folder.at('policy.yaml');
    const learnt = await portcullis(['learn', log(folder.at('demo.ndjson'), observed.events), '-o', policy]);
    assert.equal(learnt.code, 0, learnt.stderr);
    const tested = await portcullis(['test', folder.at('policy.test.yaml')]);
    assert.equal(tested.code, 0, tested.stdout);

    const pids = new Map(observed.events.filter(({ event }) => event === 'demo-peer').map(({ pid, name }) => [pid, String(name)]));
    const came = observed.events.filter(({ event }) => event === 'decision');
    const catalogue = await platformCatalogue();
    const completions = new Completions(requirePolicy(loadPolicy(policy, { catalogue })));
    const through: string[] = [];
    for (const one of came) {
      const name = pids.get((one['peer'] as { readonly pid: number } | undefined)?.pid) ?? '?';
      if (replayRecord(readRecord(one, catalogue), completions).decision?.effect === 'allow') through.push(name);
    }
    const programs = ['honest', 'copy', 'escape'];
    const users = ROOTS.filter((name) => name !== 'lookalike' && observed.outcomes()[name] !== 'skipped');
    assert.deepEqual(through.sort(), [...programs, ...users].sort());
  });
});
