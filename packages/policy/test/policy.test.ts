import assert from 'node:assert/strict';
import { PortcullisError, type Evidenced, type SelectorKey, type SelectorValue, type TrustTier } from '@portcullis/core';
import { compilePolicyText, formatFindings, requirePolicy, type CompiledPolicy } from '@portcullis/policy';
import { CATALOGUE } from './support/catalogue.js';

const HEAD = 'apiVersion: portcullis/v1\nkind: AdmissionPolicy\n';
const NOW = Date.parse('2026-11-21T12:00:00Z');
const CONTEXT = { listener: 'docker', nowMs: NOW };

function compile(body: string): CompiledPolicy {
  const loaded = compilePolicyText(HEAD + body, { catalogue: CATALOGUE });
  assert.ok(loaded.policy, formatFindings(loaded.findings, loaded.sources));
  return loaded.policy;
}

type Fact = SelectorValue | readonly SelectorValue[] | null | undefined;

function peer(facts: Record<SelectorKey, Fact>, tiers: Record<SelectorKey, TrustTier> = {}): Map<SelectorKey, Evidenced> {
  return new Map((Object.entries(facts) as [SelectorKey, Fact][]).map(([key, fact]): [SelectorKey, Evidenced] => {
    const tier = tiers[key] ?? CATALOGUE.find(key)?.trust ?? 'image';
    if (fact === undefined) return [key, { state: 'unknown', why: 'permission' }];
    return [key, fact === null ? { state: 'absent', tier } : { state: 'present', values: [fact].flat(), tier }];
  }));
}

const wanted = (policy: CompiledPolicy, facts: Record<SelectorKey, Fact>) => [...policy.wanted(peer(facts), CONTEXT)].sort();

describe('what is wanted', () => {
  const policy = compile(`
rules:
  - { id: a, effect: allow, when: { unix:uid: 1000, unix:path: /usr/bin/git, unix:sha256: "${'a'.repeat(64)}" }, grant: { role: reader } }
  - { id: b, effect: allow, when: { unix:uid: 1001 } }
  - { id: c, effect: allow, when: { unix:uid: 1001, linux:label: web }, grant: { zone: web } }
  - { id: d, effect: deny, listeners: [docker], when: { unix:uid: 1000, linux:tracer: { exists: true } } }
`);

  it('never is the digest where the uid already mismatched', () => {
    assert.deepEqual(wanted(policy, { 'unix:uid': 7 }), []);
    assert.deepEqual(wanted(policy, { 'unix:uid': 1000, 'unix:path': '/bin/sh', 'linux:label': null }), []);
  });

  it('is all that the rules still open need', () => {
    assert.deepEqual(wanted(policy, { 'unix:uid': 1000 }), ['linux:tracer', 'unix:path', 'unix:sha256']);
    assert.deepEqual(wanted(policy, { 'unix:uid': 1000, 'unix:path': '/usr/bin/git', 'linux:tracer': null }), ['unix:sha256']);
  });

  it('goes on after an allow only for what may add to the grant', () => {
    assert.deepEqual(wanted(policy, { 'unix:uid': 1001 }), ['linux:label']);
    assert.deepEqual(wanted(policy, { 'unix:uid': 1001, 'linux:label': 'db' }), []);
    const same = compile('rules:\n  - { id: a, effect: allow, when: { unix:uid: 1 }, grant: { r: 1 } }\n  - { id: b, effect: allow, when: { linux:label: x }, grant: { r: 1 } }\n');
    assert.deepEqual(wanted(same, { 'unix:uid': 1 }), []);
  });

  it('is nothing more once a deny matches, or cannot be excluded', () => {
    assert.deepEqual(wanted(policy, { 'unix:uid': 1000, 'linux:tracer': 5 }), []);
    assert.deepEqual(wanted(policy, { 'unix:uid': 1000, 'linux:tracer': undefined }), []);
  });

  it('is one shared set that nobody can change', () => {
    const first = policy.wanted(new Map(), CONTEXT);
    assert.equal(policy.wanted(new Map(), { ...CONTEXT, nowMs: 0 }), first);
    assert.equal(policy.wanted(peer({ 'unix:uid': 1000 }), CONTEXT), policy.wanted(peer({ 'unix:uid': 1000 }), CONTEXT));
    assert.throws(() => (first as Set<SelectorKey>).add('unix:gid'), TypeError);
    assert.throws(() => { (first as Set<SelectorKey>).clear(); }, TypeError);
  });

  it('stays right for more keys than fit into one machine word', () => {
    const many = compile(`rules:\n${Array.from({ length: 70 }, (_, i) => `  - { id: r${String(i)}, effect: allow, requires: peer-asserted, when: { unix:uid: ${String(i)}, env:V${String(i)}: x } }\n`).join('')}`);
    assert.equal(many.wanted(new Map(), CONTEXT).size, 71);
    assert.deepEqual(wanted(many, { 'unix:uid': 69 }), ['env:V69']);
    assert.deepEqual(wanted(many, { 'unix:uid': 3 }), ['env:V3']);
    assert.deepEqual(wanted(many, { 'unix:uid': 70 }), []);
  });
});

describe('a rule', () => {
  it('on weaker evidence than it requires does not allow', () => {
    const policy = compile('rules:\n  - { id: a, effect: allow, when: { unix:uid: 1, unix:path: /x } }\n  - { id: b, effect: allow, requires: image-unverified, listeners: [lax], when: { unix:uid: 1, unix:path: /x } }\n');
    const facts = { 'unix:uid': 1, 'unix:path': '/x' };
    assert.equal(policy.decide(peer(facts), CONTEXT).effect, 'allow');
    const jit = peer(facts, { 'unix:path': 'image-unverified' });
    assert.deepEqual(policy.decide(jit, CONTEXT), { effect: 'deny', cause: 'default', rules: [], grant: {} });
    assert.equal(policy.nearest(jit, CONTEXT)?.failed[0]?.state, 'too-weak');
    assert.deepEqual(policy.decide(jit, { ...CONTEXT, listener: 'lax' }).rules, ['b']);
  });

  it('that denies does so on weak evidence too', () => {
    const policy = compile('rules:\n  - { id: a, effect: allow, when: { unix:uid: 1 } }\n  - { id: d, effect: deny, when: { process:comm: evil } }\n');
    assert.deepEqual(policy.decide(peer({ 'unix:uid': 1, 'process:comm': 'evil' }), CONTEXT).rules, ['d']);
  });

  it('that has expired neither allows nor denies, from that millisecond on', () => {
    const policy = compile('rules:\n  - { id: a, effect: allow, when: { unix:uid: 1 } }\n  - { id: d, effect: deny, expires: 2026-11-21T12:00:00Z, when: { unix:uid: 1 } }\n');
    assert.equal(policy.decide(peer({ 'unix:uid': 1 }), { ...CONTEXT, nowMs: NOW - 1 }).effect, 'deny');
    assert.equal(policy.decide(peer({ 'unix:uid': 1 }), CONTEXT).effect, 'allow');
  });

  it('with `onUnknown: skip` denies what it knows, and lets pass what it does not', () => {
    const policy = compile('rules:\n  - { id: a, effect: allow, when: { unix:uid: 1 } }\n  - { id: d, effect: deny, onUnknown: skip, when: { linux:tracer: { exists: true } } }\n');
    assert.equal(policy.decide(peer({ 'unix:uid': 1, 'linux:tracer': undefined }), CONTEXT).effect, 'allow');
    assert.deepEqual(policy.decide(peer({ 'unix:uid': 1, 'linux:tracer': 3 }), CONTEXT).rules, ['d']);
  });

  it('in shadow changes nothing and is reported', () => {
    const policy = compile('rules:\n  - { id: a, effect: allow, when: { unix:uid: 1 } }\n  - { id: d, effect: deny, mode: shadow, when: { linux:label: web } }\n  - { id: e, effect: allow, mode: shadow, when: { unix:uid: 2 } }\n');
    assert.equal(policy.decide(peer({ 'unix:uid': 1, 'linux:label': 'web' }), CONTEXT).effect, 'allow');
    assert.deepEqual([...policy.wanted(new Map(), CONTEXT)], ['unix:uid']);
    assert.deepEqual([...policy.wantedByShadow(peer({ 'unix:uid': 1 }), CONTEXT)], ['linux:label']);
    assert.deepEqual(policy.shadow(peer({ 'unix:uid': 1, 'linux:label': undefined }), CONTEXT), [{ rule: 'd', effect: 'deny', matched: 'unknown' }]);
    assert.deepEqual(policy.shadow(peer({ 'unix:uid': 2, 'linux:label': 'x' }), CONTEXT), [{ rule: 'e', effect: 'allow', matched: 'true' }]);
  });
});

describe('a decision', () => {
  const policy = compile(`
rules:
  - { id: a, effect: allow, when: { unix:uid: 1 }, grant: { role: reader }, reason: by uid }
  - { id: b, effect: allow, when: { unix:gid: 5 }, grant: { zone: { name: web } } }
  - { id: d, effect: deny, when: { linux:tracer: { exists: true } } }
`);

  it('merges the grants of all rules that allow, and names them', () => {
    const decision = policy.decide(peer({ 'unix:uid': 1, 'unix:gid': 5, 'linux:tracer': null }), CONTEXT);
    assert.deepEqual(decision, { effect: 'allow', cause: 'rule', rules: ['a', 'b'], reason: 'by uid', grant: { role: 'reader', zone: { name: 'web' } }, terms: { onPeerExit: 'revoke', onExec: 'ignore' } });
  });

  it('is frozen through and through, and the same object for the same outcome', () => {
    const facts = { 'unix:uid': 1, 'unix:gid': 5, 'linux:tracer': null };
    const decision = policy.decide(peer(facts), CONTEXT);
    assert.equal(policy.decide(peer(facts), CONTEXT), decision);
    for (const part of [decision, decision.rules, decision.grant, decision.grant['zone']]) assert.ok(Object.isFrozen(part));
    for (const part of [policy, policy.rules, policy.rules[0], policy.rules[0]?.when, policy.rules[0]?.grant]) assert.ok(Object.isFrozen(part));
  });

  it('reads an unasked key as unknown where a deny rests on it, and only then', () => {
    assert.equal(policy.decide(peer({ 'unix:uid': 1, 'unix:gid': 1 }), CONTEXT).cause, 'unknown-evidence');
    assert.equal(policy.decide(peer({ 'unix:uid': 2, 'unix:gid': 1 }), CONTEXT).cause, 'default');
  });

  it('holds of hundreds of matching rules, and names a bounded number', () => {
    const many = compile(`rules:\n${Array.from({ length: 300 }, (_, i) => `  - { id: r${String(i)}, effect: allow, when: { unix:uid: { range: [0, ${String(i)}] } }, grant: { g${String(i)}: 1 } }\n`).join('')}`);
    const decision = many.decide(peer({ 'unix:uid': 0 }), CONTEXT);
    assert.equal(decision.rules.length, 64);
    assert.equal(Object.keys(decision.grant).length, 300);
  });
});

describe('the nearest miss', () => {
  it('is the allow rule that failed by the fewest conditions, with what was there instead', () => {
    const policy = compile('rules:\n  - { id: far, effect: allow, when: { unix:uid: 1, unix:gid: 1 } }\n  - id: near\n    effect: allow\n    when: { unix:uid: [2, 3], linux:label: { not: web } }\n');
    assert.deepEqual(policy.nearest(peer({ 'unix:uid': 2, 'unix:gid': 9, 'linux:label': 'web' }), CONTEXT), {
      rule: 'near',
      place: { file: 'policy.yaml', line: 5, column: 9 },
      failed: [{ key: 'linux:label', expected: 'not web', observed: ['web'], state: 'present', place: { file: 'policy.yaml', line: 7, column: 31 } }],
    });
  });

  it('masks what is sensitive', () => {
    const policy = compile('rules:\n  - { id: a, effect: allow, requires: peer-asserted, when: { unix:uid: 1, env:TOKEN: x } }\n');
    assert.deepEqual(policy.nearest(peer({ 'unix:uid': 1, 'env:TOKEN': 'secret' }), CONTEXT)?.failed[0]?.observed, ['(masked)']);
  });

  it('masks what the policy wants of it too, and keeps the operator', () => {
    const spelled: readonly (readonly [wants: string, expected: string, seen?: string])[] = [
      ['s3cret', '***'], ['[s3cret, s3cret2]', '***'], ['{ not: s3cret }', 'not ***', 's3cret'], ['{ not: { glob: s3* } }', 'not glob ***', 's3cret'],
      ['{ prefix: s3cret }', 'prefix ***'], ['{ exists: false }', 'absent'],
    ];
    for (const [wants, expected, seen = 'other'] of spelled) {
      const policy = compile(`rules:\n  - { id: a, effect: allow, requires: peer-asserted, when: { unix:uid: 1, env:TOKEN: ${wants} } }\n`);
      const nearest = policy.nearest(peer({ 'unix:uid': 1, 'env:TOKEN': seen }), CONTEXT);
      assert.equal(nearest?.failed[0]?.expected, expected);
      assert.ok(!JSON.stringify(nearest).includes('s3'), wants);
    }
    const none = compile('rules:\n  - { id: a, effect: allow, requires: peer-asserted, when: { unix:uid: 1, none: [{ env:TOKEN: s3cret }] } }\n');
    assert.equal(none.nearest(peer({ 'unix:uid': 1, 'env:TOKEN': 's3cret' }), CONTEXT)?.failed[0]?.expected, 'none of: ***');
  });

  it('finds the rule of the peer among thousands, at a bounded price', () => {
    const policy = compile(`rules:\n${Array.from({ length: 3000 }, (_, i) => `  - { id: r${String(i)}, effect: allow, when: { unix:uid: ${String(i)}, linux:label: l } }\n`).join('')}`);
    assert.equal(policy.nearest(peer({ 'unix:uid': 2900, 'linux:label': null }), CONTEXT)?.rule, 'r2900');
  });

  it('is undefined where an allow did match, or the listener has none', () => {
    const policy = compile('rules:\n  - { id: a, effect: allow, listeners: [docker], when: { unix:uid: 1 } }\n  - { id: d, effect: deny, when: { unix:gid: 1 } }\n');
    assert.equal(policy.nearest(peer({ 'unix:uid': 1, 'unix:gid': 1 }), CONTEXT), undefined);
    assert.equal(policy.nearest(peer({ 'unix:uid': 2 }), { ...CONTEXT, listener: 'x' }), undefined);
  });
});

describe('grants', () => {
  const load = (rules: readonly string[]) => compilePolicyText(`${HEAD}rules:\n${rules.map((rule, i) => `  - { id: r${String(i)}, effect: allow, ${rule} }\n`).join('')}`, { catalogue: CATALOGUE });

  it('that differ are compared within a bound, and beyond it the author is asked to make it plain', () => {
    const ranges = Array.from({ length: 1500 }, (_, i) => `when: { unix:uid: { range: [${String(i * 10)}, ${String(i * 10 + 5)}] } }, grant: { n: ${String(i)} }`);
    assert.deepEqual(load(ranges).findings.map(({ code }) => code), ['POLICY_GRANT_UNDECIDED']);
    const exact = Array.from({ length: 1500 }, (_, i) => `when: { unix:uid: ${String(i)}, linux:label: { glob: "x*" } }, grant: { n: ${String(i)} }`);
    assert.deepEqual(load(exact).findings, []);
  });

  it('that are the same cost nothing, however many rules give them', () => {
    const same = Array.from({ length: 3000 }, (_, i) => `when: { unix:uid: { range: [${String(i * 10)}, ${String(i * 10 + 5)}] } }, grant: { role: reader }`);
    assert.deepEqual(load([...same, 'when: { unix:uid: 40000 }, grant: { role: admin }']).findings, []);
  });
});

describe('a policy', () => {
  it('publishes its keys and every value it names, also below `not` and in shadow', () => {
    const policy = compile('rules:\n  - { id: a, effect: allow, when: { unix:user: [alice, bob], unix:uid: { not: 0 } } }\n  - { id: d, effect: deny, mode: shadow, when: { unix:user: { not: carol }, unix:gid: { range: [1, 2] } } }\n');
    assert.deepEqual([...policy.keys].sort(), ['unix:gid', 'unix:uid', 'unix:user']);
    assert.deepEqual([...(policy.literals.get('unix:user') ?? [])], ['alice', 'bob', 'carol']);
    assert.deepEqual([...(policy.literals.get('unix:uid') ?? [])], [0]);
    assert.equal(policy.literals.has('unix:gid'), false);
  });

  it('that is invalid throws one error with the facts of the first finding', () => {
    const loaded = compilePolicyText(`${HEAD}rules: 5\n`, { catalogue: CATALOGUE, file: 'p.yaml' });
    assert.throws(() => requirePolicy(loaded), (error: unknown) => {
      assert.ok(error instanceof PortcullisError);
      assert.equal(error.code, 'POLICY_INVALID');
      assert.deepEqual(error.facts, { errors: 1, finding: 'SCHEMA_TYPE', file: 'p.yaml', line: 3, column: 8 });
      return true;
    });
  });
});
