import assert from 'node:assert/strict';
import fc from 'fast-check';
import { explainCase, formatCounterexample, runTest, uncovered, type TestResult } from '@portcullis/policy';
import { testOf } from '../support/policy-test.js';

const POLICY = `
sets:
  staff: { any: [{ unix:uid: 1000 }, { unix:gid: 27 }] }
rules:
  - { id: traced, effect: deny, when: { linux:tracer: { exists: true } } }
  - { id: people, effect: allow, when: { use: staff, none: [{ linux:label: guest }] }, grant: { role: reader } }
  - { id: web, effect: deny, mode: shadow, when: { linux:label: web } }
`;
const PEERS = 'peers:\n  alice: { unix:uid: 1000, unix:gid: 5, linux:tracer: null, linux:label: web }\n';

const run = (test: string, policy = POLICY): TestResult => runTest(testOf(policy, PEERS + test));

describe('a case', () => {
  it('fails by each expectation that is not met, and says what was expected and seen', () => {
    const { ok, cases: [result] } = run('cases: [{ name: c, peer: alice, expect: { decision: deny, cause: default, rule: traced, rules: [], grant: { role: admin }, shadow: [], nearest: people } }]');
    assert.equal(ok, false);
    assert.deepEqual(result?.mismatches, [
      { of: 'decision', expected: 'deny', seen: 'allow' },
      { of: 'cause', expected: 'default', seen: 'rule' },
      { of: 'rule', expected: 'traced', seen: 'people' },
      { of: 'rules', expected: 'none', seen: 'people' },
      { of: 'grant', expected: '{"role":"admin"}', seen: '{"role":"reader"}' },
      { of: 'shadow', expected: 'none', seen: 'web' },
      { of: 'nearest', expected: 'people', seen: 'none' },
    ]);
  });

  it('is explained, rule by rule', () => {
    const { policy, cases: [test] } = testOf(POLICY, `${PEERS}cases: [{ name: c, peer: alice, expect: { decision: deny } }]`);
    assert.ok(test);
    assert.deepEqual(explainCase(policy, test).rules.map(({ id, truth, determining }) => [id, truth, determining]), [['traced', 'false', false], ['people', 'true', true], ['web', 'true', false]]);
  });

  it('takes a grant as a whole, and a nearest miss with the keys that it failed by', () => {
    assert.equal(run('cases: [{ name: c, peer: alice, expect: { grant: {} } }]').ok, false);
    const miss = (failed: string) => run(`cases: [{ name: c, peer: { from: alice, unix:uid: 7, linux:label: guest }, expect: { nearest: { rule: people, failed: ${failed} } } }]`);
    assert.ok(miss('[linux:label, unix:uid]').ok);
    assert.deepEqual(miss('[unix:uid]').cases[0]?.mismatches, [{ of: 'nearest', expected: 'people, failed by unix:uid', seen: 'people, failed by unix:uid, linux:label' }]);
  });

  it('has its peer from another, with keys changed, forgotten and weakened', () => {
    assert.ok(run(`cases:
  - { name: changed, peer: { from: alice, linux:tracer: 5 }, expect: { rules: [traced], cause: rule } }
  - { name: forgotten, peer: { from: alice, unknown: [linux:tracer] }, expect: { rules: [traced], cause: unknown-evidence } }
  - { name: weakened, peer: { from: alice, tiers: { unix:uid: heuristic } }, expect: { cause: default } }
  - { name: weakened and given anew, peer: { from: alice, tiers: { unix:uid: heuristic, linux:tracer: heuristic } }, expect: { cause: default } }
  - { name: the first still as it was, peer: alice, expect: { decision: allow } }
`).ok);
  });
});

describe('coverage', () => {
  const shares = (test: string, policy?: string) => {
    const { coverage } = run(test, policy);
    return coverage.branches.map(({ test: { key }, held, failed }) => `${key} ${String(held)}/${String(failed)}`);
  };

  it('counts a condition where it decides: all beside it true in an `all`, false in an `any` and a `none`', () => {
    const both = 'rules: [{ id: both, effect: allow, when: { unix:uid: 1, unix:gid: 2 } }]';
    const peers = (...list: string[]) => `cases:\n${list.map((peer, index) => `  - { name: c${String(index)}, peer: { ${peer} }, expect: { decision: deny } }`).join('\n')}`;
    assert.deepEqual(shares(peers('unix:uid: 1, unix:gid: 2'), both), ['unix:uid 1/0', 'unix:gid 1/0']);
    assert.deepEqual(shares(peers('unix:uid: 9, unix:gid: 2'), both), ['unix:uid 0/1', 'unix:gid 0/0']);
    assert.deepEqual(shares(peers('unix:uid: 9, unix:gid: 9'), both), ['unix:uid 0/0', 'unix:gid 0/0']);
    assert.deepEqual(shares(peers('unix:uid: 1', 'unix:gid: 9'), both), ['unix:uid 0/0', 'unix:gid 0/0'], 'unknown is neither, and lets nothing else decide');
    for (const word of ['any', 'none']) {
      const policy = `rules: [{ id: r, effect: deny, when: { ${word}: [{ unix:uid: 1 }, { unix:gid: 2 }] } }]`;
      assert.deepEqual(shares(peers('unix:uid: 1, unix:gid: 2'), policy), ['unix:uid 0/0', 'unix:gid 0/0']);
      assert.deepEqual(shares(peers('unix:uid: 1, unix:gid: 9'), policy), ['unix:uid 1/0', 'unix:gid 0/0']);
      assert.deepEqual(shares(peers('unix:uid: 9, unix:gid: 9'), policy), ['unix:uid 0/1', 'unix:gid 0/1']);
    }
  });

  it('counts a set once, rules that match, and shadow rules; none that are bound elsewhere or have expired', () => {
    const policy = `
sets: { me: { unix:uid: 1000 } }
rules:
  - { id: a, effect: allow, when: { use: me } }
  - { id: b, effect: deny, mode: shadow, when: { use: me, unix:gid: 5 } }
  - { id: c, effect: allow, listeners: [docker], when: { use: me } }
  - { id: d, effect: allow, expires: 2026-01-01T00:00:00Z, when: { use: me } }
`;
    const { coverage } = run('cases: [{ name: c, peer: alice, expect: { decision: allow } }]', policy);
    assert.deepEqual(coverage.rules.map(({ rule, matched }) => `${rule.id} ${String(matched)}`), ['a 1', 'b 1', 'c 0', 'd 0']);
    assert.deepEqual(coverage.branches.map(({ test, held }) => [test.key, held > 0]), [['unix:uid', true], ['unix:gid', true]]);
  });

  it('is held against its thresholds, and shows what is missing where the policy says it', () => {
    const result = run('cases: [{ name: c, peer: alice, expect: { decision: allow } }]\ncoverage: { rules: 67, branches: 0 }');
    assert.equal(result.ok, false);
    assert.deepEqual(result.missed.map(({ code, message, place }) => [code, message, place.line]), [['TEST_COVERAGE', 'the cases cover 2 of 3 rules, 66.6 %; 67 % are asked for', 8]]);
    assert.ok(run('cases: [{ name: c, peer: alice, expect: { decision: allow } }]\ncoverage: { rules: 66, branches: 0 }').ok);
    const shown = uncovered(result.coverage).map(({ code, message, place }) => `${code} ${String(place.line)}:${String(place.column)} ${message}`);
    assert.deepEqual(shown, [
      'TEST_UNCOVERED_RULE 7:11 no case makes rule `traced` match',
      'TEST_UNCOVERED_BRANCH 7:41 no case in which `linux:tracer` decides has it hold',
      'TEST_UNCOVERED_BRANCH 5:20 no case in which `unix:uid` decides has it fail',
      'TEST_UNCOVERED_BRANCH 5:40 no case in which `unix:gid` decides has it hold or fail',
      'TEST_UNCOVERED_BRANCH 8:63 no case in which `linux:label` decides has it hold',
      'TEST_UNCOVERED_BRANCH 9:52 no case in which `linux:label` decides has it fail',
    ]);
  });
});

describe('a property', () => {
  const outcome = (policy: string, claim: string) => run(`properties:\n  - ${claim}`, policy).properties[0];
  const deny = (extra = '') => `rules:\n  - { id: no-tracers, effect: deny, ${extra} when: { linux:tracer: { exists: true } } }\n`;
  const people = '  - { id: people, effect: allow, when: { unix:uid: { range: [1000, 1999] } } }\n';
  const CLAIM = 'never: { decision: allow, where: { linux:tracer: { exists: true } } }';

  it('holds of a sound policy, and finds every hole that is planted in it', () => {
    assert.equal(outcome(deny() + people, CLAIM)?.outcome, 'proved');
    const holes = {
      'lets pass what it cannot know': deny('onUnknown: skip,') + people,
      'ends one day': deny('expires: 2027-06-01T00:00:00Z,') + people,
      'ended long ago': deny('expires: 2020-06-01T00:00:00Z,') + people,
      'is bound to another listener': deny('listeners: [docker],') + people,
      'only watches': deny('mode: shadow,') + people,
      'has an exception': deny().replace('{ exists: true }', '{ not: 4711 }') + people,
    };
    for (const [name, policy] of Object.entries(holes)) assert.equal(outcome(policy, CLAIM)?.outcome, 'refuted', name);
  });

  it('speaks of refusals where nobody can tell, and of admissions where it is certain (I4)', () => {
    const policy = `rules:\n${people}`;
    assert.equal(outcome(policy, 'always: { decision: deny, where: { unix:gid: 0 } }')?.outcome, 'refuted');
    assert.equal(outcome(policy, 'always: { decision: allow, where: { unix:uid: 1500 } }')?.outcome, 'proved');
    assert.equal(outcome(policy, 'never: { decision: deny, where: { unix:uid: [1000, 1999] } }')?.outcome, 'proved');
    assert.equal(outcome(policy, 'never: { decision: deny, where: { unix:uid: [1000, 2000] } }')?.outcome, 'refuted');
  });

  it('keeps to its listeners, and to grants that have a name with a value', () => {
    const policy = 'rules:\n  - { id: a, effect: allow, listeners: [docker], when: { unix:uid: 1 }, grant: { role: admin, x: 1 } }\n  - { id: b, effect: allow, when: { unix:uid: 2 }, grant: { role: reader } }\n';
    assert.equal(outcome(policy, 'never: { decision: allow, grant: { role: admin }, listeners: [front] }')?.outcome, 'proved');
    assert.equal(outcome(policy, 'never: { decision: allow, grant: { role: admin } }')?.outcome, 'refuted');
    assert.equal(outcome(policy, 'always: { decision: allow, grant: { role: admin }, listeners: [docker], where: { unix:uid: 1 } }')?.outcome, 'proved');
  });

  it('needs few looks where most keys make no difference', () => {
    const keys = ['unix:gid', 'unix:user', 'unix:path', 'unix:sha256', 'linux:label', 'systemd:unit'];
    const examples: Readonly<Record<string, string>> = { 'unix:gid': '5', 'unix:path': '/usr/bin/x', 'unix:sha256': 'c'.repeat(64) };
    const rules = Array.from({ length: 100 }, (_, index) => `  - { id: r${String(index)}, effect: allow, when: { unix:uid: ${String(index + 1)}, ${keys.map((key) => `${key}: ${examples[key] ?? 'name'}`).join(', ')} } }`);
    const result = outcome(`rules:\n${rules.join('\n')}\n`, 'never: { decision: allow, where: { unix:uid: 0 } }');
    assert.equal(result?.outcome, 'proved');
    assert.ok(result.total > 50_000n && result.decided === result.total && result.looks < 1000, String(result.looks));
  });

  it('that is too large is not called proved, and says how much was decided', () => {
    const test = testOf(`rules:\n${deny().slice(7)}${people}`, `properties:\n  - ${CLAIM}`);
    const { ok, properties: [result] } = runTest(test, { maxLooks: 3 });
    assert.equal(ok, false);
    assert.equal(result?.outcome, 'undecided');
    assert.ok(result.looks === 3 && result.decided > 0n && result.decided < result.total);
  });
});

describe('a counterexample', () => {
  const RULES = [
    '{ id: r0, effect: allow, when: { unix:uid: { range: [1000, 1999] }, unix:path: { glob: "/opt/*/run" } } }',
    '{ id: r1, effect: allow, listeners: [docker], when: { unix:supplementary_gid: [4, 27], none: [{ linux:label: { prefix: web } }] } }',
    '{ id: r2, effect: allow, expires: 2027-01-01T00:00:00Z, when: { linux:dumpable: false, linux:seccomp: { not: strict } }, grant: { a: 1 } }',
    '{ id: r3, effect: deny, when: { linux:tracer: { exists: true } } }',
    '{ id: r4, effect: deny, onUnknown: skip, when: { unix:sha256: "' + 'a'.repeat(64) + '" } }',
    '{ id: r5, effect: allow, when: { unix:user: "it\'s: #me", container:id: { exists: false } } }',
  ];
  const CLAIMS = [
    'never: { decision: allow }',
    'never: { decision: allow, where: { unix:uid: 0 } }',
    'never: { decision: allow, where: { linux:tracer: { exists: true } } }',
    'never: { decision: allow, where: { unix:sha256: { exists: true } } }',
    'always: { decision: allow, where: { linux:tracer: { exists: false }, unix:uid: 1000 } }',
    'never: { decision: allow, grant: { a: 1 } }',
  ];

  it('can be pasted as a case, which then fails', () => {
    let refuted = 0;
    fc.assert(fc.property(fc.subarray(RULES, { minLength: 1 }), fc.constantFrom(...CLAIMS), (rules, claim) => {
      const policy = `rules:\n${rules.map((rule) => `  - ${rule}`).join('\n')}`;
      const test = testOf(policy, `properties:\n  - ${claim}`);
      const [result] = runTest(test).properties;
      if (result?.counterexample === undefined) return;
      refuted++;
      const text = formatCounterexample(result.property, result.counterexample, test.policy);
      const [replayed] = runTest(testOf(policy, `cases:\n${text.split('\n').map((line) => `  ${line}`).join('\n')}`)).cases;
      const { effect, grant } = result.counterexample.decision;
      assert.deepEqual([replayed?.ok, replayed?.decision.effect, replayed?.decision.grant], [false, effect, grant], text);
    }), { numRuns: 150 });
    assert.ok(refuted > 20);
  });

  it('shows no value of a sensitive key (I10), and says so', () => {
    const test = testOf('rules: [{ id: r, effect: allow, requires: peer-asserted, when: { env:TOKEN: s3cret } }]', 'properties: [{ never: { decision: allow } }]');
    const [result] = runTest(test).properties;
    assert.ok(result?.counterexample);
    const text = formatCounterexample(result.property, result.counterexample, test.policy);
    assert.doesNotMatch(text, /s3cret/);
    assert.match(text, /^# env:TOKEN is masked[^]*env:TOKEN: "\*\*\*"/);
  });
});
