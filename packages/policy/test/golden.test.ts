// Peers × listeners → decisions, as a table that is reviewed as a diff: change it first, then the engine.
// PORTCULLIS_UPDATE=1 writes it.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { exhaustedLimits, type Evidenced, type SelectorKey, type SelectorValue, type TrustTier } from '@portcullis/core';
import { formatFindings, loadPolicy } from '@portcullis/policy';
import { CATALOGUE, DEFINITIONS } from './support/catalogue.js';
import { testPath } from './support/files.js';

type Facts = Readonly<Record<SelectorKey, SelectorValue | readonly SelectorValue[] | { readonly value: SelectorValue; readonly tier: TrustTier }>>;

const RUNNER: Facts = { 'unix:uid': 998, 'unix:gid': 998, 'unix:user': 'gitlab-runner', 'unix:path': '/opt/ci/v17/bin/runner', 'unix:sha256': 'a'.repeat(64) };
const ALICE: Facts = { 'unix:uid': 1000, 'unix:gid': 1000, 'unix:user': 'alice', 'unix:supplementary_gid': [4, 27], 'linux:label': 'web' };

/** What a peer is not said to be, it is known not to be. */
const PEERS: Readonly<Record<string, Facts>> = {
  'a pinned runner': RUNNER,
  'a runner one folder deeper': { ...RUNNER, 'unix:path': '/opt/ci/v17/x/bin/runner' },
  'a runner with another digest': { ...RUNNER, 'unix:sha256': 'b'.repeat(64) },
  'a runner beside a JIT': { ...RUNNER, 'unix:path': { value: '/opt/ci/v17/bin/runner', tier: 'image-unverified' } },
  'a runner that is traced': { ...RUNNER, 'linux:tracer': 4711 },
  'a runner nobody could look into': { ...RUNNER, 'linux:tracer': 'unknown!', 'unix:path': 'unknown!', 'unix:sha256': 'unknown!' },
  'a runner in a container, its image pinned': { ...RUNNER, 'container:id': 'd'.repeat(64), 'container:image-digest': `sha256:${'c'.repeat(64)}` },
  'a container whose runtime is down': { 'unix:uid': 5, 'container:id': 'd'.repeat(64), 'container:image-digest': 'unknown!' },
  'alice of staff': ALICE,
  'alice, unconfined': { ...ALICE, 'linux:label': 'unconfined' },
  'alice as a guest': { ...ALICE, 'linux:label': 'guest/7' },
  'alice with no label known': { ...ALICE, 'linux:label': 'unknown!' },
  'alice without the group': { ...ALICE, 'unix:supplementary_gid': [4] },
  'root': { 'unix:uid': 0, 'unix:gid': 0, 'unix:user': 'root' },
  'a backup script': { 'unix:uid': 900, 'unix:gid': 900, 'process:comm': 'backup-nightly' },
  'a clerk': { 'unix:uid': 901, 'unix:gid': 901 },
  'a contractor': { 'unix:uid': 60001, 'unix:gid': 60001 },
  'a process with nothing known': Object.fromEntries(DEFINITIONS.map(({ key }) => [key, 'unknown!'])),
};

const TIMES = { 'in November': '2026-11-21T12:00:00Z', 'next year': '2027-01-01T00:00:00Z', 'on Monday': '2026-11-23T09:00:00Z', 'on a busy Monday': '2026-11-23T09:00:00Z' };
const BUSY = exhaustedLimits(['office']);
/** Peers for whom it matters when they come. */
const WHEN: Readonly<Record<string, readonly string[]>> = { 'a contractor': ['next year'], 'a clerk': ['on Monday', 'on a busy Monday'] };

function evidenceOf(facts: Facts): Map<SelectorKey, Evidenced> {
  const evidence = new Map<SelectorKey, Evidenced>();
  for (const { key, trust } of DEFINITIONS) {
    const fact = facts[key];
    if (fact === undefined) evidence.set(key, { state: 'absent', tier: trust });
    else if (fact === 'unknown!') evidence.set(key, { state: 'unknown', why: 'permission' });
    else if (typeof fact === 'object' && 'tier' in fact) evidence.set(key, { state: 'present', values: [fact.value], tier: fact.tier });
    else evidence.set(key, { state: 'present', values: [fact].flat(), tier: trust });
  }
  return evidence;
}

describe('the golden decision table', () => {
  it('holds for every peer, listener and time', () => {
    const loaded = loadPolicy(testPath('fixtures/golden/policy.yaml'), { catalogue: CATALOGUE });
    const { policy } = loaded;
    assert.ok(policy, formatFindings(loaded.findings, loaded.sources));
    const lines = ['# Golden decisions', '', 'Of `policy.yaml` beside this file; written and held by `golden.test.ts`.', '', '| peer | listener | time | decision | cause | rules | grant | shadow | nearest |', '|---|---|---|---|---|---|---|---|---|'];
    for (const [peer, facts] of Object.entries(PEERS)) {
      for (const listener of ['docker', 'admin']) {
        for (const [time, moment] of Object.entries(TIMES)) {
          if (time !== 'in November' && WHEN[peer]?.includes(time) !== true) continue;
          const context = { listener, nowMs: Date.parse(moment), ...(time === 'on a busy Monday' && { limits: BUSY }) };
          const evidence = evidenceOf(facts);
          const { effect, cause, rules, grant } = policy.decide(evidence, context);
          const miss = effect === 'deny' ? policy.nearest(evidence, context) : undefined;
          const nearest = miss === undefined ? '' : `${miss.rule}: ${miss.failed.map(({ key, expected, state }) => `${key} ${expected.length > 24 ? `${expected.slice(0, 24)}…` : expected} (${state})`).join('; ')}`;
          const shadow = policy.shadow(evidence, context).map(({ rule, matched }) => (matched === 'true' ? rule : `${rule}?`)).join(', ');
          lines.push(`| ${peer} | ${listener} | ${time} | ${effect} | ${cause} | ${rules.join(', ')} | ${Object.keys(grant).length === 0 ? '' : `\`${JSON.stringify(grant)}\``} | ${shadow} | ${nearest} |`);
        }
      }
    }
    const table = `${lines.join('\n')}\n`;
    if (process.env['PORTCULLIS_UPDATE'] === '1') writeFileSync(testPath('fixtures/golden/decisions.md'), table);
    assert.equal(table, readFileSync(testPath('fixtures/golden/decisions.md'), 'utf8'));
  });
});
