// Random policies and random evidence over a few keys and a few values, so that they meet often.
import fc from 'fast-check';
import { TRUST_TIERS, type Evidenced, type SelectorKey, type SelectorValue } from '@portcullis/core';
import { CATALOGUE } from './catalogue.js';
import type { ConditionDoc, MatcherDoc, PolicyDoc, RuleDoc } from './oracle.js';

const NUMBERS = [0, 1, 2, 3, 1000];
const PATHS = ['/a', '/a/b', '/a/b/c', '/b', '/opt/x/run'];
const LABELS = ['red', 'green', 'blue/1', 'red/2'];

const VALUES: Readonly<Record<SelectorKey, readonly SelectorValue[]>> = {
  'unix:uid': NUMBERS,
  'unix:gid': NUMBERS,
  'unix:supplementary_gid': NUMBERS,
  'linux:tracer': NUMBERS,
  'unix:path': PATHS,
  'linux:label': LABELS,
  'systemd:unit': LABELS,
  'process:comm': LABELS,
};

export const KEYS = Object.keys(VALUES) as SelectorKey[];
const GLOBS = ['/a/*', '/a/**', '/**', '/?', '/*/b/?', '/opt/*/run', '**', '/a*/**/c'];
const LABEL_GLOBS = ['*', '**', 'red*', 'r*d', '*/1', '????', 'blue/?'];

function plain(key: SelectorKey): fc.Arbitrary<MatcherDoc> {
  const value = fc.constantFrom(...(VALUES[key] ?? []));
  const several = fc.uniqueArray(value, { minLength: 1, maxLength: 3 });
  const exact: fc.Arbitrary<MatcherDoc>[] = [value, value, several, several.map((list) => ({ in: list }))];
  if (typeof VALUES[key]?.[0] === 'number') {
    const range = fc.tuple(value, value).map(([a, b]) => ({ range: (Number(a) <= Number(b) ? [a, b] : [b, a]) as [number, number] }));
    return fc.oneof(...exact, range);
  }
  const globs = key === 'unix:path' ? GLOBS : LABEL_GLOBS;
  return fc.oneof(...exact, fc.constantFrom(...globs).map((glob) => ({ glob })), value.map((prefix) => ({ prefix: String(prefix) })));
}

const testDoc: fc.Arbitrary<ConditionDoc> = fc.constantFrom(...KEYS).chain((key) =>
  fc.oneof(
    { weight: 6, arbitrary: plain(key).map((matcher) => ({ [key]: matcher })) },
    { weight: 1, arbitrary: plain(key).map((not) => ({ [key]: { not } })) },
    { weight: 1, arbitrary: fc.boolean().map((exists) => ({ [key]: { exists } })) },
    { weight: 1, arbitrary: fc.constantFrom(...(VALUES[key] ?? [])).map((value) => `${key}:${String(value)}`) },
  ),
);

const { condition } = fc.letrec<{ condition: ConditionDoc }>((tie) => ({
  condition: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    testDoc,
    testDoc,
    fc.tuple(fc.constantFrom('all', 'any', 'none'), fc.array(tie('condition'), { minLength: 1, maxLength: 3 })).map(([word, parts]): ConditionDoc => ({ [word]: parts })),
    fc.tuple(testDoc, fc.array(tie('condition'), { minLength: 1, maxLength: 2 })).map(([test, parts]): ConditionDoc => (typeof test === 'string' ? { all: [test, ...parts] } : { ...test, any: parts })),
  ),
}));

/** Moments beside `NOW`: nights, ends of weeks, and the hours in which clocks change in Berlin, New York and on Lord Howe. */
export const MOMENTS = [
  '2026-11-21T12:00:00Z', '2026-11-22T23:30:00Z', '2026-11-23T05:00:00Z', '2026-11-23T04:59:59.999Z', '2026-11-27T21:59:59.999Z', '2026-11-27T22:00:00Z',
  '2026-03-29T00:59:59.999Z', '2026-03-29T01:00:00Z', '2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z', '2026-03-08T07:00:00Z', '2026-11-01T05:30:00Z', '2026-11-01T06:30:00Z',
  '2026-04-04T14:59:00Z', '2026-04-04T15:15:00Z',
].map((moment) => Date.parse(moment));

const window = fc.record({
  days: fc.option(fc.uniqueArray(fc.constantFrom('mon', 'wed', 'fri', 'sat', 'sun'), { minLength: 1 }), { nil: undefined }),
  hours: fc.constantFrom('06:00-22:00', '22:00-06:00', '02:00-03:00', '02:15-01:45', '00:00-24:00', '12:00-12:01', '23:00-24:00'),
  tz: fc.constantFrom('Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'UTC'),
});
const limit = fc.record({ key: fc.constantFrom<SelectorKey[]>(['unix:uid'], ['unix:gid', 'linux:label']), rate: fc.constant('5/s') });

/** Expiries before and after `NOW`. */
export const NOW = Date.parse('2026-11-21T12:00:00Z');
export const LISTENERS = ['docker', 'other'] as const;

const common = {
  when: fc.oneof({ weight: 5, arbitrary: condition }, { weight: 1, arbitrary: fc.constant<ConditionDoc>({ use: 'one' }) }, { weight: 1, arbitrary: condition.map((part): ConditionDoc => ({ use: 'two', all: [part] })) }),
  listeners: fc.option(fc.constantFrom(['docker'], ['other'], ['docker', 'other']), { nil: undefined, freq: 4 }),
  mode: fc.constantFrom(undefined, undefined, undefined, 'shadow' as const),
  window: fc.option(window, { nil: undefined, freq: 2 }),
  expires: fc.constantFrom(undefined, undefined, undefined, '2026-01-01T00:00:00Z', '2027-01-01T00:00:00Z'),
};
const grants = fc.constantFrom(undefined, undefined, ...['a', 'b', 'a b', 'c'].map((names) => Object.fromEntries(names.split(' ').map((name) => [name, name.toUpperCase()]))));

const lease = fc.record({ onPeerExit: fc.constantFrom('revoke' as const, 'ignore' as const), onExec: fc.constantFrom('revoke' as const, 'ignore' as const), reverify: fc.constantFrom('1s', '20s', '3s') }, { requiredKeys: ['onExec'] });
const handoff = fc.constantFrom(undefined, 'allow' as const, 'deny' as const);
const allow = fc.record({ ...common, limit: fc.option(limit, { nil: undefined, freq: 2 }), lease: fc.option(lease, { nil: undefined, freq: 2 }), handoff, effect: fc.constant('allow' as const), requires: fc.constantFrom('peer-asserted' as const, 'peer-asserted' as const, 'peer-asserted' as const), grant: grants });
/** `onExec: revoke` is refused of a rule that may match without the program. */
const bound = allow.map((rule) => (rule.lease?.onExec === 'revoke' ? { ...rule, when: { all: [rule.when, { 'unix:path': { exists: true } }] } } : rule));
const strict = bound.map((rule) => ({ ...rule, requires: isStrict(rule.when) ? ('derived' as const) : rule.requires }));
const deny = fc.record({ ...common, effect: fc.constant('deny' as const), onUnknown: fc.constantFrom(undefined, undefined, 'skip' as const) });

/** No weak key in it, so that it may demand more. */
function isStrict(when: ConditionDoc): boolean {
  const text = JSON.stringify(when);
  return !text.includes('process:comm') && !text.includes('unix:path') && !text.includes('"use"');
}

export const policyDoc = (maxRules: number): fc.Arbitrary<PolicyDoc> =>
  fc.record({
    sets: fc.record({ one: condition, two: condition.map((part): ConditionDoc => ({ any: [{ use: 'one' }, part] })) }),
    rules: fc
      .array(fc.oneof({ weight: 3, arbitrary: strict }, { weight: 1, arbitrary: deny }), { minLength: 1, maxLength: maxRules })
      .map((rules) => rules.map((rule, index): RuleDoc => JSON.parse(JSON.stringify({ id: `r${String(index)}`, ...rule })) as RuleDoc)),
  });

const state = (key: SelectorKey): fc.Arbitrary<Evidenced> => {
  const definition = CATALOGUE.find(key);
  const tier = fc.oneof({ weight: 5, arbitrary: fc.constant(definition?.trust ?? 'image') }, { weight: 1, arbitrary: fc.constantFrom(...TRUST_TIERS) });
  const values = fc.uniqueArray(fc.constantFrom(...(VALUES[key] ?? [])), { minLength: 1, maxLength: definition?.many === true ? 3 : 1 });
  return fc.oneof(
    { weight: 6, arbitrary: fc.tuple(values, tier).map(([list, one]): Evidenced => ({ state: 'present', values: list, tier: one })) },
    { weight: 2, arbitrary: tier.map((one): Evidenced => ({ state: 'absent', tier: one })) },
    { weight: 1, arbitrary: fc.constant<Evidenced>({ state: 'unknown', why: 'permission' }) },
  );
};

/** A state for every key. */
export const fullEvidence: fc.Arbitrary<ReadonlyMap<SelectorKey, Evidenced>> = fc.tuple(...KEYS.map((key) => state(key))).map((states) => new Map(states.map((one, index) => [KEYS[index]!, one])));
