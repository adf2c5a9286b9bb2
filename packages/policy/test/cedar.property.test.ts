// An independent judge of allow and deny: what of the language Cedar can say as well is translated, and both decide. Cedar
// has no unknowns and refuses a policy that reads what is not there, so peers here have every key or are known not to.
import assert from 'node:assert/strict';
import * as cedar from '@cedar-policy/cedar-wasm/nodejs';
import fc from 'fast-check';
import type { Evidenced, SelectorKey } from '@portcullis/core';
import { compilePolicyText, formatFindings } from '@portcullis/policy';
import { CATALOGUE } from './support/catalogue.js';

const RUNS = Number(process.env['PORTCULLIS_PROPERTY_RUNS'] ?? 400);
const PATHS = ['/a', '/a/b', '/a/b/c', '/opt/x/run', '/opt/y/run'];
const NUMBERS = [0, 1, 2, 3, 1000];

/** One test in both languages. `key` is what Cedar's context calls it. */
interface Both {
  readonly ours: string;
  readonly cedar: string;
}

const quoted = (text: string): string => JSON.stringify(text);
const number = fc.constantFrom(...NUMBERS);
const numbers = fc.uniqueArray(number, { minLength: 1, maxLength: 3 });
const path = fc.constantFrom(...PATHS);

const single = (key: string, name: string): fc.Arbitrary<Both> => fc.oneof(
  number.map((value) => ({ ours: `{ ${key}: ${String(value)} }`, cedar: `(context has ${name} && context.${name} == ${String(value)})` })),
  numbers.map((values) => ({ ours: `{ ${key}: { in: [${values.join(', ')}] } }`, cedar: `(context has ${name} && [${values.join(', ')}].contains(context.${name}))` })),
  fc.tuple(number, number).map(([a, b]) => [Math.min(a, b), Math.max(a, b)]).map(([low, high]) => ({ ours: `{ ${key}: { range: [${String(low)}, ${String(high)}] } }`, cedar: `(context has ${name} && context.${name} >= ${String(low)} && context.${name} <= ${String(high)})` })),
  numbers.map((values) => ({ ours: `{ ${key}: { not: [${values.join(', ')}] } }`, cedar: `(context has ${name} && !([${values.join(', ')}].contains(context.${name})))` })),
  fc.boolean().map((exists) => ({ ours: `{ ${key}: { exists: ${String(exists)} } }`, cedar: exists ? `(context has ${name})` : `(!(context has ${name}))` })),
);

const groups: fc.Arbitrary<Both> = fc.oneof(
  number.map((value) => ({ ours: `{ unix:supplementary_gid: ${String(value)} }`, cedar: `(context has groups && context.groups.contains(${String(value)}))` })),
  numbers.map((values) => ({ ours: `{ unix:supplementary_gid: [${values.join(', ')}] }`, cedar: `(context has groups && context.groups.containsAny([${values.join(', ')}]))` })),
  numbers.map((values) => ({ ours: `{ unix:supplementary_gid: { not: [${values.join(', ')}] } }`, cedar: `(context has groups && !(context.groups.containsAny([${values.join(', ')}])))` })),
);

// Cedar's `*` crosses slashes: it is our `**`.
const paths: fc.Arbitrary<Both> = fc.oneof(
  path.map((value) => ({ ours: `{ unix:path: ${value} }`, cedar: `(context has path && context.path == ${quoted(value)})` })),
  fc.constantFrom('/a/**', '/**/run', '/opt/**', '**/b', '**b**').map((glob) => ({ ours: `{ unix:path: { glob: ${quoted(glob)} } }`, cedar: `(context has path && context.path like ${quoted(glob.replaceAll('**', '*'))})` })),
  path.map((prefix) => ({ ours: `{ unix:path: { prefix: ${prefix} } }`, cedar: `(context has path && context.path like ${quoted(`${prefix}*`)})` })),
);

const { condition } = fc.letrec<{ condition: Both }>((tie) => ({
  condition: fc.oneof({ depthSize: 'small', withCrossShrink: true }, single('unix:uid', 'uid'), single('linux:tracer', 'tracer'), groups, paths, fc.tuple(fc.constantFrom('all', 'any', 'none'), fc.array(tie('condition'), { minLength: 1, maxLength: 3 })).map(([word, parts]): Both => {
    const joined = parts.map((part) => part.cedar).join(word === 'all' ? ' && ' : ' || ');
    return { ours: `{ ${word}: [${parts.map((part) => part.ours).join(', ')}] }`, cedar: word === 'none' ? `(!(${joined}))` : `(${joined})` };
  })),
}));

const rules = fc.array(fc.record({ effect: fc.constantFrom('allow', 'allow', 'deny'), when: condition }), { minLength: 1, maxLength: 12 });

const peer = fc.record({ uid: number, tracer: fc.option(number, { nil: undefined }), groups: fc.option(numbers, { nil: undefined }), path: fc.option(path, { nil: undefined }) });
type Peer = typeof peer extends fc.Arbitrary<infer T> ? T : never;

function evidenceOf({ uid, tracer, groups: list, path: program }: Peer): ReadonlyMap<SelectorKey, Evidenced> {
  const state = (values: readonly (string | number)[] | undefined): Evidenced => (values === undefined ? { state: 'absent', tier: 'kernel-connect' } : { state: 'present', values, tier: 'kernel-connect' });
  return new Map<SelectorKey, Evidenced>([
    ['unix:uid', state([uid])],
    ['linux:tracer', state(tracer === undefined ? undefined : [tracer])],
    ['unix:supplementary_gid', state(list)],
    ['unix:path', state(program === undefined ? undefined : [program])],
  ]);
}

const ONE = { type: 'Peer', id: 'peer' };
let loaded = 0;

function cedarJudge(text: string): (one: Peer) => string {
  const id = `policy-${String(loaded++)}`;
  const parsed = cedar.preparsePolicySet(id, { staticPolicies: text });
  assert.equal(parsed.type, 'success', JSON.stringify(parsed));
  return (one) => {
    const context = JSON.parse(JSON.stringify(one)) as Record<string, cedar.CedarValueJson>;
    const answer = cedar.statefulIsAuthorized({ principal: ONE, action: { type: 'Action', id: 'connect' }, resource: ONE, context, preparsedPolicySetId: id, entities: [] });
    assert.ok(answer.type === 'success' && answer.response.diagnostics.errors.length === 0, JSON.stringify(answer));
    return answer.response.decision;
  };
}

describe('Cedar, as an independent judge', () => {
  it('allows and denies the same peers by the same rules', function () {
    this.timeout(300_000);
    const seen = { allow: 0, deny: 0 };
    fc.assert(fc.property(rules, fc.array(peer, { minLength: 5, maxLength: 15 }), (list, peers) => {
      const yaml = `apiVersion: portcullis/v1\nkind: AdmissionPolicy\nrules:\n${list.map(({ effect, when }, index) => `  - { id: r${String(index)}, effect: ${effect}, when: ${when.ours} }\n`).join('')}`;
      const { policy, findings, sources } = compilePolicyText(yaml, { catalogue: CATALOGUE });
      assert.ok(policy, formatFindings(findings, sources));
      const judge = cedarJudge(list.map(({ effect, when }) => `${effect === 'allow' ? 'permit' : 'forbid'}(principal, action, resource) when { ${when.cedar} };`).join('\n'));
      for (const one of peers) {
        const ours: 'allow' | 'deny' = policy.decide(evidenceOf(one), { listener: 'docker', nowMs: 0 }).effect;
        seen[ours]++;
        assert.equal(ours, judge(one), `${yaml}${JSON.stringify(one)}`);
      }
    }), { numRuns: RUNS });
    assert.ok(seen.allow > 100 && seen.deny > 100, JSON.stringify(seen));
  });
});
