import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compilePolicyText, formatFindings, Learner, loadPolicyTest, observe, readRecord, runTest, writePolicy, writeTest, type Generalisation } from '@portcullis/policy';
import { CATALOGUE } from '../support/catalogue.js';

const GIT = { 'unix:uid': [1000, 'kernel-connect'], 'unix:path': ['/usr/bin/git', 'image'], 'unix:sha256': ['a'.repeat(64), 'image'], 'linux:tracer': [null, 'kernel-live'] } as const;
type Selectors = Readonly<Record<string, readonly [unknown, string]>>;

function record(selectors: Selectors, fields: object = { decision: 'allow', cause: 'rule', rule: 'x' }) {
  const seen = Object.fromEntries(Object.entries(selectors).map(([key, [value, tier]]) => [key, value === null ? { absent: true, tier } : { values: [value], tier }]));
  return readRecord({ event: 'decision', time: '2026-11-23T09:00:00.000Z', listener: 'front', selectors: seen, ...fields }, CATALOGUE);
}

function learn(peers: readonly Selectors[], generalise: readonly Generalisation[] = []) {
  const learner = new Learner();
  for (const [index, peer] of peers.entries()) {
    const seen = observe(record(peer));
    assert.ok(typeof seen !== 'string', JSON.stringify(seen));
    learner.add(seen, index + 1);
  }
  const learnt = learner.learn(new Set(generalise));
  const text = writePolicy(learnt);
  const loaded = compilePolicyText(text, { catalogue: CATALOGUE });
  assert.ok(loaded.policy, formatFindings(loaded.findings, loaded.sources));
  return { rules: learnt.rules, untraced: learnt.untraced, policy: loaded.policy, text, findings: loaded.findings, test: writeTest(learnt, 'p.yaml') };
}

describe('what is learnt', () => {
  it('is the user and the program that were seen, at the listener, and nobody who is traced', () => {
    const { rules, untraced, policy, findings } = learn([GIT, GIT]);
    assert.deepEqual(findings, []);
    assert.deepEqual([rules.length, rules[0]?.count, untraced, policy.rules.map(({ id, effect }) => `${effect} ${id}`)], [1, 2, true, ['deny no-tracers', 'allow git']]);
    assert.deepEqual([...(policy.rules[1]?.listeners ?? [])], ['front']);
  });

  it('joins users of one program, and generalises only where it is told to', () => {
    const other = { ...GIT, 'unix:uid': [1005, 'kernel-connect'] } as const;
    assert.match(learn([GIT, other]).text, /unix:uid: \[1000, 1005\]/);
    assert.match(learn([GIT, other], ['uid']).text, /unix:uid: \{ range: \[1000, 1005\] \}/);
    const runner = (version: string, digest: string): Selectors => ({ ...GIT, 'unix:path': [`/opt/ci/${version}/bin/runner`, 'image'], 'unix:sha256': [digest.repeat(64), 'image'] });
    assert.equal(learn([runner('v17', 'a'), runner('v18', 'b')]).rules.length, 2);
    const { rules, text } = learn([runner('v17', 'a'), runner('v18', 'b')], ['path']);
    assert.deepEqual([rules.length, rules[0]?.sha256.length], [1, 2]);
    assert.match(text, /unix:path: \{ glob: "\/opt\/ci\/\*\/bin\/runner" \}/);
  });

  it('is safe to show, and one rule a name, whatever programs are called (I11)', () => {
    const odd = (path: string): Selectors => ({ ...GIT, 'unix:path': [path, 'image'] });
    const { text, policy } = learn([odd('/a/x\n    effect: allow'), odd('/b/no-tracers'), odd('/c/\u202e'), odd('/d/git'), odd('/e/git')]);
    assert.equal(policy.rules.length, 6);
    assert.ok(!/[^\n\x20-\x7e]/.test(text));
  });

  it('is a policy and a test that can be read, whatever programs are called (T21)', () => {
    const names = ['null', 'True', '1234', '.5', '0x1f', '~', 'git-2', 'git', 'git', 'git-2', 'program', 'program-1234'];
    const { rules, text, test } = learn(names.map((name, index) => ({ ...GIT, 'unix:path': [`/${String(index)}/${name}`, 'image'] })));
    assert.equal(new Set(rules.map(({ id }) => id)).size, names.length);
    const folder = mkdtempSync(join(tmpdir(), 'portcullis-learn-'));
    try {
      writeFileSync(join(folder, 'p.yaml'), text);
      writeFileSync(join(folder, 't.yaml'), test);
      const { test: read, findings } = loadPolicyTest(join(folder, 't.yaml'), { catalogue: CATALOGUE });
      assert.ok(read, JSON.stringify(findings));
      assert.deepEqual(runTest(read).cases.filter(({ mismatches }) => mismatches.length > 0), []);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('has room for others, however many programs one user runs (T20)', () => {
    const learner = new Learner();
    const seen = observe(record(GIT));
    assert.ok(typeof seen !== 'string');
    for (let line = 1; line <= 3000; line++) learner.add({ ...seen, uid: 1001, path: `/home/eve/${String(line)}` }, line);
    learner.add(seen, 3001);
    const { rules } = learner.learn(new Set());
    assert.ok(rules.some(({ uids }) => uids.includes(1000)));
    assert.deepEqual(learner.leftOut.map(({ uid, count, line }) => [uid, count, line]), [[1001, 2500, 501]]);
  });

  const left: Readonly<Record<string, readonly [Selectors, RegExp, object?]>> = {
    'who was refused': [GIT, /it was refused/, { decision: 'deny', cause: 'default' }],
    'whom a deny rule would have refused, observed': [GIT, /would have been refused \(rule by x\)/, { decision: 'deny', cause: 'rule', rule: 'x', observe: 'admitted' }],
    'whom nobody asked for the program': [{ 'unix:uid': GIT['unix:uid'] }, /`unix:path` was not asked for/],
    'a program that only the process can vouch for': [{ ...GIT, 'unix:path': ['/usr/bin/node', 'image-unverified'] }, /worth image-unverified only, .*say `requires: image-unverified`/],
    'a digest of too weak a tier': [{ ...GIT, 'unix:sha256': ['a'.repeat(64), 'heuristic'] }, /`unix:sha256` is worth heuristic only/],
    'a user over TCP': [{ ...GIT, 'unix:uid': [1000, 'heuristic'] }, /`unix:uid` is worth heuristic only/],
    'who was traced': [{ ...GIT, 'linux:tracer': [7, 'kernel-live'] }, /it was traced/],
    'who is in a control group that only looks like a container (T7)': [GIT, /`container:id` is unknown \(unanchored\)/, { decision: 'allow', cause: 'rule', rule: 'x', unknown: { 'container:id': 'unanchored: `docker-x.scope` names a container' } }],
    'a program without a file': [{ ...GIT, 'unix:path': [null, 'image'] }, /`unix:path` is absent/],
  };
  for (const [what, [selectors, why, fields]] of Object.entries(left)) {
    it(`leaves out ${what}, and says why`, () => {
      const seen = observe(record(selectors, fields));
      assert.ok(typeof seen === 'string');
      assert.match(seen, why);
    });
  }

  it('takes from observe mode whom no rule knew', () => {
    assert.equal(typeof observe(record(GIT, { decision: 'deny', cause: 'default', observe: 'admitted' })), 'object');
  });
});
