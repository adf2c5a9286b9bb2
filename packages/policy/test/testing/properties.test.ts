// Properties of random policies are held against brute force: every peer that can be made of a finite world, the slow oracle
// deciding. PORTCULLIS_PROPERTY_RUNS has as many runs.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Evidenced, SelectorKey, SelectorValue } from '@portcullis/core';
import { compilePolicyText, formatFindings, readDocument, SourceText } from '@portcullis/policy';
import { decideProperty, type PropertyResult } from '../../dist/testing/properties/decide-property.js';
import { exampleTexts, MAX_STATES } from '../../dist/testing/properties/text-examples.js';
import { Pattern } from '../../dist/testing/properties/pattern.js';
import { atomsOf } from '../../dist/testing/properties/atoms.js';
import type { Property } from '../../dist/testing/policy-test.js';
import { ConditionParser } from '../../dist/source/parse-condition.js';
import { FindingList } from '../../dist/findings/finding.js';
import { NOW } from '../support/arbitrary.js';
import { CATALOGUE } from '../support/catalogue.js';
import { isOpen, oracleDecide, oracleRule, slowGlob, type ConditionDoc, type PolicyDoc, type RuleDoc } from '../support/oracle.js';

const RUNS = Number(process.env['PORTCULLIS_PROPERTY_RUNS'] ?? 300);

const LABELS = ['a', 'b', 'ab', 'a/b'];
const GLOBS = ['a*', '*b', '**b', '?', 'a?', '*', 'a/**'];

/** Short texts, one of each kind that these labels, globs and prefixes tell apart. */
function worldOfLabels(): readonly string[] {
  const points = ['a', 'b', '/', 'z'];
  const texts = ['', '', '', '', ''].reduce<string[]>((all, _, round) => [...all, ...all.filter((text) => text.length === round).flatMap((text) => points.map((point) => text + point))], ['']).slice(1);
  const kinds = new Map(texts.map((text) => [[...LABELS.flatMap((label) => [text === label, text.startsWith(label)]), ...GLOBS.map((glob) => slowGlob(glob, text))].join(), text]));
  return [...kinds.values()];
}

/** A world small enough to be walked whole, and large enough for every class of its conditions to be in it. */
const WORLD: Readonly<Record<SelectorKey, readonly SelectorValue[]>> = {
  'unix:uid': [0, 1, 2, 3, 4, 5],
  'linux:label': worldOfLabels(),
  'unix:supplementary_gid': [0, 1, 2, 3],
};
const KEYS = Object.keys(WORLD) as SelectorKey[];

/** Open together in no hour, in one, in one of the nights in which clocks change only, or always but for an hour. */
const WINDOWS = [{ hours: '06:00-14:00', tz: 'UTC' }, { hours: '14:00-15:00', tz: 'UTC' }, { days: ['sun'], hours: '02:00-03:00', tz: 'Europe/Berlin' }, { hours: '01:30-01:45', tz: 'UTC' }, { days: ['sat'], hours: '22:00-21:00', tz: 'UTC' }];
/** Every state of these windows, before, between and after the expiries. */
const TIMES: readonly number[] = ['2025-03-29', '2026-03-28', '2027-03-27', '2025-10-25', '2026-10-24', '2027-10-30', '2025-07-05', '2026-07-04', '2027-07-03', '2025-12-06', '2026-12-05', '2027-12-04'].flatMap((date) => Array.from({ length: 4 * 48 }, (_, quarter) => Date.parse(`${date}T00:00:00Z`) + quarter * 900_000)).filter(isNews());

/** One moment of each year for each set of windows that are open together. */
function isNews(): (nowMs: number) => boolean {
  const seen = new Set<string>();
  return (nowMs) => {
    const state = [new Date(nowMs).getUTCFullYear(), ...WINDOWS.map((window) => isOpen(window, nowMs))].join();
    return seen.size < seen.add(state).size;
  };
}

const number = fc.constantFrom(1, 2, 3);
const matcherOf: Readonly<Record<SelectorKey, fc.Arbitrary<unknown>>> = {
  'unix:uid': fc.oneof(number, fc.uniqueArray(number, { minLength: 1 }), fc.constantFrom({ range: [1, 2] }, { range: [2, 4] }, { exists: true }, { exists: false }, { not: 2 }, { not: { range: [0, 2] } })),
  'linux:label': fc.oneof(fc.constantFrom(...LABELS), fc.constantFrom(...GLOBS).map((glob) => ({ glob })), fc.constantFrom(...LABELS).map((prefix) => ({ prefix })), fc.constantFrom({ exists: false }, { not: 'a' }, { not: { glob: '*b' } })),
  'unix:supplementary_gid': fc.oneof(fc.constantFrom(1, 2), fc.constantFrom([1, 2], { exists: true }, { not: 1 }, { range: [2, 3] })),
};
const testDoc = fc.constantFrom(...KEYS).chain((key) => (matcherOf[key] ?? fc.constant(1)).map((matcher) => ({ [key]: matcher }) as ConditionDoc));
const groupDoc = fc.tuple(fc.constantFrom('all', 'any', 'none'), fc.array(testDoc, { minLength: 1, maxLength: 3 })).map(([word, parts]): ConditionDoc => ({ [word]: parts }));
const condition = fc.oneof(testDoc, groupDoc);
const common = {
  when: condition,
  listeners: fc.constantFrom(undefined, undefined, ['docker']),
  expires: fc.constantFrom(undefined, undefined, '2026-01-01T00:00:00Z', '2027-01-01T00:00:00Z'),
  window: fc.constantFrom(undefined, undefined, undefined, ...WINDOWS),
};
const rule = fc.oneof(
  fc.record({ ...common, effect: fc.constant('allow'), grant: fc.constantFrom(undefined, { a: 'A' }, { b: 'B' }) }),
  fc.record({ ...common, effect: fc.constant('deny'), onUnknown: fc.constantFrom(undefined, 'skip') }),
);
const policyDoc = fc.array(rule, { minLength: 1, maxLength: 4 }).map((rules): PolicyDoc => ({ rules: rules.map((one, index) => JSON.parse(JSON.stringify({ id: `r${String(index)}`, ...one })) as RuleDoc) }));
const propertyDoc: fc.Arbitrary<PropertyDoc> = fc.record({
  kind: fc.constantFrom('never' as const, 'always' as const),
  decision: fc.constantFrom('allow' as const, 'deny' as const),
  where: fc.option(condition, { nil: undefined }),
  grant: fc.constantFrom(undefined, undefined, { a: 'A' }),
});
interface PropertyDoc {
  readonly kind: 'never' | 'always';
  readonly decision: 'allow' | 'deny';
  readonly where: ConditionDoc | undefined;
  readonly grant: { readonly a: string } | undefined;
}

function compile(doc: PolicyDoc) {
  const loaded = compilePolicyText(JSON.stringify({ apiVersion: 'portcullis/v1', kind: 'AdmissionPolicy', ...doc }), { catalogue: CATALOGUE });
  assert.ok(loaded.policy, formatFindings(loaded.findings, loaded.sources));
  return loaded.policy;
}

function property({ kind, decision, where, grant }: PropertyDoc): Property {
  const findings = new FindingList();
  const source = new SourceText('where', '');
  const { root } = readDocument(JSON.stringify(where ?? {}), 'where');
  assert.ok(root);
  const parsed = where === undefined ? undefined : new ConditionParser(source, CATALOGUE, { resolve: () => undefined }, findings).parse(root);
  assert.ok(findings.isSound());
  return { name: 'p', kind, decision, grant, where: parsed, listeners: undefined, source, span: { offset: 0, length: 1 } };
}

const tierOf = (key: SelectorKey) => CATALOGUE.find(key)?.trust ?? 'image';

function statesOf(key: SelectorKey): readonly Evidenced[] {
  const values = WORLD[key] ?? [];
  const sets = CATALOGUE.find(key)?.many === true ? subsets(values) : values.map((value) => [value]);
  return [...sets.map((some): Evidenced => ({ state: 'present', values: some, tier: tierOf(key) })), { state: 'absent', tier: tierOf(key) }, { state: 'unknown', why: 'permission' }];
}

function subsets(values: readonly SelectorValue[]): readonly (readonly SelectorValue[])[] {
  return values.reduce<SelectorValue[][]>((sets, value) => [...sets, ...sets.map((set) => [...set, value])], [[]]).filter((set) => set.length > 0);
}

const inForce = (doc: PolicyDoc, nowMs: number) => doc.rules.map(({ window, expires }) => Number((window === undefined || isOpen(window, nowMs)) && (expires === undefined || nowMs < Date.parse(expires)))).join('');

/** Whether some peer of the world breaks the property, and some listener and time. */
function bruteForce(doc: PolicyDoc, claim: PropertyDoc): boolean {
  const refusal = (claim.kind === 'never') === (claim.decision === 'allow');
  const times = new Map([0, NOW, Date.parse('2027-01-01T00:00:00Z'), ...(doc.rules.some(({ window }) => window !== undefined) ? TIMES : [])].map((nowMs) => [inForce(doc, nowMs), nowMs]));
  for (const uid of statesOf('unix:uid')) for (const label of statesOf('linux:label')) for (const gid of statesOf('unix:supplementary_gid')) {
    const evidence = new Map<SelectorKey, Evidenced>([['unix:uid', uid], ['linux:label', label], ['unix:supplementary_gid', gid]]);
    if (claim.where !== undefined) {
      const truth = oracleRule(doc, { id: 'where', effect: 'deny', when: claim.where }, evidence);
      if (truth === 'false' || (truth === 'unknown' && !refusal)) continue;
    }
    for (const listener of ['docker', 'unbound']) for (const nowMs of times.values()) {
      const { effect, grant } = oracleDecide(doc, evidence, listener, nowMs);
      const matches = effect === claim.decision && (claim.grant === undefined || grant['a'] === claim.grant.a);
      if (matches !== (claim.kind === 'always')) return true;
    }
  }
  return false;
}

describe('a property of a random policy', function () {
  this.timeout(120_000);

  it('is proved where brute force finds nothing, and refuted where it finds something', () => {
    const outcomes = new Set<PropertyResult['outcome']>();
    fc.assert(fc.property(policyDoc, propertyDoc, (doc, claim) => {
      const result = decideProperty(compile(doc), property(claim), NOW);
      outcomes.add(result.outcome);
      assert.equal(result.outcome, bruteForce(doc, claim) ? 'refuted' : 'proved');
      // Proved means that everything was decided, not that the search came to an end.
      if (result.outcome === 'proved') assert.equal(result.decided, result.total);
    }), { numRuns: RUNS });
    assert.deepEqual([...outcomes].sort(), ['proved', 'refuted']);
  });

  it('has counterexamples that the oracle decides the same, whatever else is unknown', () => {
    fc.assert(fc.property(policyDoc, propertyDoc, (doc, claim) => {
      const { counterexample } = decideProperty(compile(doc), property(claim), NOW);
      if (counterexample === undefined) return;
      const { peer, decision, listener, nowMs } = counterexample;
      const { effect, grant } = oracleDecide(doc, peer, listener, nowMs);
      assert.deepEqual([effect, grant], [decision.effect, { ...decision.grant }]);
    }), { numRuns: RUNS });
  });

  it('is never called proved when the looks run out', () => {
    fc.assert(fc.property(policyDoc, propertyDoc, fc.integer({ min: 0, max: 6 }), (doc, claim, maxLooks) => {
      const whole = decideProperty(compile(doc), property(claim), NOW);
      const capped = decideProperty(compile(doc), property(claim), NOW, maxLooks);
      assert.ok(capped.looks <= maxLooks);
      if (capped.outcome === 'proved') assert.equal(whole.outcome, 'proved');
      if (capped.outcome === 'refuted') assert.equal(whole.outcome, 'refuted');
      if (capped.outcome === 'undecided') assert.ok(capped.decided < capped.total);
      if (whole.looks > maxLooks && whole.outcome === 'proved') assert.equal(capped.outcome, 'undecided');
    }), { numRuns: RUNS });
  });
});

describe('example texts', () => {
  const pattern = fc.stringMatching(/^[ab/?*]{1,6}$/).map((glob) => `{ glob: ${JSON.stringify(glob)} }`);
  const prefix = fc.constantFrom('a', 'b', 'ab', '*').map((text) => `{ prefix: ${JSON.stringify(text)} }`);

  function matchersOf(texts: readonly string[]) {
    const when = texts.map((text) => `{ linux:label: ${text} }`).join(', ');
    const { policy } = compilePolicyText(`{ apiVersion: portcullis/v1, kind: AdmissionPolicy, rules: [{ id: r, effect: allow, when: { any: [${when}] } }] }`, { catalogue: CATALOGUE });
    const [rule] = policy?.rules ?? [];
    assert.ok(rule);
    const parts = rule.when.kind === 'test' ? [rule.when] : rule.when.conditions;
    return parts.flatMap((part) => (part.kind === 'test' ? [part.matcher] : []));
  }

  it('show every combination of patterns that any short text matches', () => {
    const shortTexts = ['a', 'b', '/', 'z'].reduce<string[]>((all, _, round) => [...all, ...all.filter((text) => text.length === round).flatMap((text) => ['a', 'b', '/', 'z'].map((point) => text + point))], ['']).slice(1);
    fc.assert(fc.property(fc.uniqueArray(fc.oneof(pattern, prefix), { minLength: 1, maxLength: 4 }), fc.uniqueArray(fc.constantFrom<string>('a', 'ab', 'b/', 'zz')), (texts, exact) => {
      const matchers = matchersOf(texts);
      const { texts: examples, complete } = exampleTexts(matchers, new Set(exact), '');
      assert.ok(complete);
      const kind = (text: string) => `${matchers.map((one) => (one.op === 'glob' ? slowGlob(one.glob.pattern, text) : one.op === 'prefix' && text.startsWith(one.prefix))).join()} ${exact.includes(text) ? text : ''}`;
      const shown = new Set(examples.map(kind));
      for (const text of shortTexts) assert.ok(shown.has(kind(text)), `${text} is like none of ${examples.join(' ')}`);
    }), { numRuns: RUNS });
  });

  it('read globs as globs are read', () => {
    fc.assert(fc.property(fc.stringMatching(/^[ab/?*]{1,8}$/), fc.stringMatching(/^[ab/z]{0,8}$/), (glob, text) => {
      const [matcher] = matchersOf([`{ glob: ${JSON.stringify(glob)} }`]);
      assert.ok(matcher?.op === 'glob');
      const machine = Pattern.of(matcher);
      assert.ok(machine);
      assert.equal(machine.accepts(Array.from(text).reduce((at, point) => machine.next(at, point), machine.start)), matcher.glob.matches(text));
    }), { numRuns: RUNS * 3 });
  });

  it('are not called complete beyond a number of states', () => {
    // Whether one of the last sixteen was an a: 2^16 states.
    const { complete, texts } = exampleTexts(matchersOf([`{ glob: "**a${'?'.repeat(16)}" }`]), new Set(), '');
    assert.equal(complete, false);
    assert.ok(texts.length <= MAX_STATES);
    const [matcher] = matchersOf([`{ glob: "**a${'?'.repeat(16)}" }`]);
    const definition = CATALOGUE.find('linux:label');
    assert.ok(matcher && definition);
    assert.equal(atomsOf({ definition, matchers: new Set([matcher]) }).complete, false);
  });
});
