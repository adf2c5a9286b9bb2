import 'reflect-metadata';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { LINUX_SELECTORS } from '@portcullis/attestor-linux';
import { Catalogue, type Evidence } from '@portcullis/core';
import { loadPolicy, parseEvidence, type LoadedPolicy } from '@portcullis/policy';
import { requireFeature } from '@portcullis/testkit';
import { createGate } from '../../dist/compose/create-gate.js';
import type { PolicyReload } from '../../dist/reload/policy-reloader.js';
import { isLarge, loadAside } from '../../dist/reload/load-aside.js';
import { Folder } from '../cli/support/folder.js';

const CATALOGUE = new Catalogue(LINUX_SELECTORS);
const HEAD = 'apiVersion: portcullis/v1\nkind: AdmissionPolicy\n';
const NOW_MS = Date.parse('2026-11-28T12:00:00Z');

/** `count` rules, of which the first allows who asks for it by uid. */
function rules(count: number, firstUid: number): string {
  const all = Array.from({ length: count }, (_, index) => `  - { id: r${String(index)}, effect: allow, when: { unix:uid: ${String(index + firstUid)}, unix:path: { glob: "/opt/app${String(index)}/*/run" }, unix:sha256: ${'a'.repeat(64)} } }\n`);
  return `${HEAD}metadata: { name: large, revision: "${String(firstUid)}" }\nrules:\n${all.join('')}`;
}

function evidence(text: string): Evidence {
  const { evidence: read } = parseEvidence(text, CATALOGUE);
  assert.ok(read);
  return read;
}

describe('a policy that is loaded aside', function () {
  this.timeout(180_000);
  let folder: Folder;
  before(function () { requireFeature(this, 'linux', process.platform === 'linux', 'gates are made on Linux'); });
  beforeEach(() => { folder = new Folder(); });
  afterEach(() => { folder.remove(); });

  const load = { catalogue: CATALOGUE, knownListeners: ['docker'] };
  const shown = ({ policy, findings, suppressed, files, folders, sources }: LoadedPolicy) => ({
    policy: policy && { name: policy.name, revision: policy.revision, expiresMs: policy.expiresMs, rules: policy.rules.map(({ id, effect, span }) => [id, effect, span]) },
    findings, suppressed, files, folders, sources: [...sources].map(([file, { text }]) => [file, text]),
  });

  it('is the one that is loaded here: with includes, sets, warnings and those that are allowed', async () => {
    folder.write('more.yaml', `${HEAD}rules:\n  - { id: path, effect: allow, when: { unix:uid: 5, unix:path: /x } }\n  # portcullis: allow POLICY_PATH_WITHOUT_DIGEST only root can write it\n  - { id: allowed, effect: allow, when: { unix:uid: 6, unix:path: /y } }\n`);
    const path = folder.write('p.yaml', `${rules(700, 1000)}  - { id: set, effect: deny, when: { use: s } }\nsets: { s: { linux:tracer: { exists: true } } }\ninclude: [./more.yaml]\nexpires: 2027-12-31T00:00:00Z\n`);
    const [here, aside] = [loadPolicy(path, { ...load, nowMs: NOW_MS }), await loadAside(path, load, { keep: true })];
    assert.deepEqual(shown(aside), shown(here));
    assert.deepEqual([here.policy?.rules.length, here.findings.length, here.suppressed.length], [703, 1, 1]);
    for (const text of ['{"unix:uid": 1600, "unix:path": "/opt/app600/v1/run", "linux:tracer": null}', '{"unix:uid": 5, "unix:path": "/x", "linux:tracer": null}', '{"unix:uid": 5, "linux:tracer": 5}', '{}']) {
      const context = { listener: 'docker', nowMs: NOW_MS };
      assert.deepEqual(aside.policy?.decide(evidence(text), context), here.policy?.decide(evidence(text), context), text);
    }
    const kept = folder.write('kept', aside.aside?.bytes ?? '');
    assert.equal(loadPolicy(kept, load).policy?.revision, here.policy?.revision);
  });

  it('has the errors that it has here, and no policy then', async () => {
    for (const text of [`${rules(300, 1)}  - { id: r1, effect: allow, when: { unix:uuid: 5 } }\n`, `${rules(3, 1)}  - { id: l, effect: deny, listeners: [other], when: { unix:uid: 5 } }\n`]) {
      const path = folder.write('p.yaml', text);
      const aside = await loadAside(path, load, { keep: true });
      assert.deepEqual(shown(aside), shown(loadPolicy(path, { ...load, nowMs: NOW_MS })));
      assert.ok(aside.policy === undefined && aside.findings.length > 0 && aside.aside?.bytes === undefined);
    }
    assert.equal((await loadAside(folder.at('none.yaml'), load)).findings[0]?.code, 'YAML_READ');
  });

  it('is the way of large policies only, by what they include too', () => {
    const [small, large] = [folder.write('small.yaml', rules(100, 1)), folder.write('large.yaml', rules(3_000, 1))];
    assert.deepEqual([isLarge(small, new Map()), isLarge(large, new Map()), isLarge(small, loadPolicy(large, load).sources), isLarge(folder.at('none'), new Map())], [false, true, true, false]);
  });

  it('stays out of force where its thread ends between two batches, or says what it was not asked; the next one is loaded', async () => {
    const text = (uid: number): string => `${rules(600, uid)}${'# large by its comments\n'.repeat(12_000)}`;
    const path = folder.write('p.yaml', text(1_000));
    const told: PolicyReload[] = [];
    const gate = await createGate({ policy: path, watch: false, onReload: (reload) => { told.push(reload); } });
    const before = gate.policy.revision;
    const batch = (at: number): object => ({ at, document: 0, rules: [] });
    const faults: Readonly<Record<string, (thread: Worker) => void>> = {
      'exit code 1': (thread) => { thread.once('message', () => thread.once('message', () => { void thread.terminate(); })); },
      'out of memory': (thread) => { thread.once('message', () => { thread.emit('error', new Error('out of memory')); }); },
      'without being asked': (thread) => { thread.once('message', () => { thread.emit('message', batch(0)); }); },
      'batch 1 of the rules came where 0': (thread) => { thread.once('message', () => setImmediate(() => { thread.emit('message', batch(1)); })); },
    };
    try {
      writeFileSync(path, text(2_000));
      for (const [why, fault] of Object.entries(faults)) {
        process.once('worker', fault);
        await gate.reload();
        const { outcome, revision, error } = told.at(-1) ?? {};
        assert.deepEqual([outcome, revision, gate.policy.revision], ['rejected', before, before], why);
        assert.ok(error?.includes(why), error);
      }
      await gate.reload();
      assert.equal(told.at(-1)?.outcome, 'loaded', told.at(-1)?.error);
      assert.ok(gate.policy.revision.startsWith('2000@'));
    } finally {
      await gate.close();
    }
  });

  it('stays out of force where its thread does not answer in time: the thread is ended, and begun again only for another state of the files', async () => {
    const path = folder.write('p.yaml', rules(3_000, 1_000));
    folder.write('neighbour', '');
    const told: PolicyReload[] = [];
    const gate = await createGate({ policy: path, watch: true, policyDeadlineMs: 400, onReload: (reload) => { told.push(reload); } });
    const before = gate.policy.revision;
    const threads: { readonly thread: Worker; readonly ended: Promise<unknown> }[] = [];
    const mute = (thread: Worker): void => { threads.push({ thread: thread.removeAllListeners('message'), ended: once(thread, 'exit') }); };
    process.on('worker', mute);
    try {
      writeFileSync(path, rules(3_000, 2_000));
      while (told.length === 0) await sleep(20);
      assert.deepEqual([told[0]?.outcome, told[0]?.revision, told[0]?.rejected, told[0]?.findings, gate.policy.revision], ['rejected', before, 1, [], before]);
      assert.match(told[0]?.error ?? '', /POLICY_READ.*did not answer within 0\.4 s/s);
      await threads[0]?.ended;
      folder.write('neighbour', 'makes it look at the folder');
      await sleep(600);
      assert.deepEqual([threads.length, told.length], [1, 1]);
      writeFileSync(path, rules(3_000, 3_000));
      while (told.length === 1) await sleep(20);
      assert.deepEqual([threads.length, told[1]?.outcome, told[1]?.rejected], [2, 'rejected', 2]);
    } finally {
      process.off('worker', mute);
      await gate.close();
    }
  });

  it('is given up when the gate closes: its thread ends, and nothing is told', async () => {
    const path = folder.write('p.yaml', rules(3_000, 1_000));
    const told: PolicyReload[] = [];
    const gate = await createGate({ policy: path, onReload: (reload) => { told.push(reload); } });
    writeFileSync(path, rules(3_000, 2_000));
    const begun = once(process, 'worker');
    const reloaded = gate.reload();
    const [thread] = await begun as [Worker];
    const ended = once(thread.removeAllListeners('message'), 'exit');
    await gate.close();
    await Promise.all([ended, reloaded]);
    assert.deepEqual(told, []);
  });

  it('holds up nobody for long, keeps what its tests refuse out of force, and is kept as the last good one', async () => {
    const path = folder.write('p.yaml', rules(2_500, 1_000));
    const test = folder.write('p.test.yaml', `apiVersion: portcullis/v1\nkind: PolicyTest\npolicy: ./p.yaml\nclock: 2026-11-28T09:00:00Z\ncases: [{ name: nobody comes in by uid alone, peer: { unix:uid: 20000 }, expect: { decision: deny } }]\n`);
    const told: PolicyReload[] = [];
    const gate = await createGate({ policy: path, tests: [test], lastGood: folder.at('last'), onReload: (reload) => { told.push(reload); } });
    try {
      rmSync(folder.at('last'));
      writeFileSync(path, rules(2_500, 2_000));
      const beganMs = performance.now();
      const sound = loadPolicy(path, { ...load, nowMs: NOW_MS }).policy;
      const hereMs = performance.now() - beganMs;
      const delay = monitorEventLoopDelay({ resolution: 5 });
      delay.enable();
      await sleep(50); // it tells from the second turn on
      await gate.reload();
      await sleep(20);
      delay.disable();
      assert.deepEqual([told[0]?.outcome, told[0]?.revision, told[0]?.reloads, told[0]?.rejected], ['loaded', sound?.revision, 1, 0]);
      const longestMs = delay.max / 1e6;
      assert.ok(longestMs < hereMs / 2, `the loop stood still for ${longestMs.toFixed(0)} ms, of ${hereMs.toFixed(0)} ms that loading takes here`);
      assert.equal(loadPolicy(folder.at('last'), load).policy?.revision, sound?.revision);

      writeFileSync(path, `${rules(2_500, 3_000)}  - { id: all, effect: allow, when: { unix:uid: 20000 } }\n`);
      const before = readFileSync(folder.at('last'));
      await gate.reload();
      assert.deepEqual([told[1]?.outcome, told[1]?.revision, told[1]?.reloads, told[1]?.rejected], ['rejected', sound?.revision, 2, 1]);
      assert.match(told[1]?.error ?? '', /nobody comes in by uid alone/);
      assert.ok(existsSync(folder.at('last')) && before.equals(readFileSync(folder.at('last'))));
    } finally {
      await gate.close();
    }
  });
});
