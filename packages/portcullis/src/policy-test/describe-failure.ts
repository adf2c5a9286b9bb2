import { escapeText, type SourcePlace } from '@portcullis/core';
import { explainCase, formatCounterexample, formatExplanation, type CaseResult, type Explanation, type PropertyResult, type TestResult } from '@portcullis/policy';
import { formatNearest } from '../cli/format-nearest.js';

/** A failed case or property: its name, where it stands, and all there is to say, in lines. */
export interface Failure {
  readonly name: string;
  readonly place: SourcePlace;
  readonly lines: readonly string[];
}

/** Rules that an explanation shows beside those that matter to the case. */
const FEW_RULES = 12;

/** What failed in a test, in the order of its file. Foreign text is escaped (I11), sensitive values masked (I10). */
export function failuresOf({ test, cases, properties }: TestResult, color: boolean): readonly Failure[] {
  return [
    ...cases.filter(({ ok }) => !ok).map((result) => ofCase(result, test.policy, color)),
    ...properties.filter(({ outcome }) => outcome !== 'proved').map((result) => ofProperty(result, test.policy)),
  ];
}

type Policy = TestResult['test']['policy'];

function ofCase(result: CaseResult, policy: Policy, color: boolean): Failure {
  const { test, mismatches, nearest } = result;
  const differences = mismatches.flatMap(({ of, expected, seen }) => [`${of}: expected ${escapeText(expected)}`, `${' '.repeat(of.length)}  seen     ${escapeText(seen)}`]);
  const explanation = formatExplanation(shorten(explainCase(policy, test), result), { color }).split('\n');
  const miss = nearest === undefined ? [] : ['', ...formatNearest(nearest).split('\n')];
  return { name: test.name, place: test.source.placeAt(test.span.offset), lines: [...differences, '', ...explanation, ...miss] };
}

/** Of a large policy, the rules that decided, and those that the case names. */
function shorten(explanation: Explanation, { test: { expect }, nearest }: CaseResult): Explanation {
  if (explanation.rules.length <= FEW_RULES) return explanation;
  const named = new Set([expect.rule, ...(expect.rules ?? []), ...(expect.shadow ?? []), expect.nearest?.rule, nearest?.rule]);
  const rules = explanation.rules.filter(({ id, determining }) => determining || named.has(id));
  return { ...explanation, rules, omitted: explanation.omitted + explanation.rules.length - rules.length };
}

function ofProperty(result: PropertyResult, policy: Policy): Failure {
  const { property, counterexample } = result;
  const place = property.source.placeAt(property.span.offset);
  if (counterexample === undefined) return { name: property.name, place, lines: undecided(result) };
  const { decision: { effect, cause, rules } } = counterexample;
  const by = rules.length === 0 ? '' : ` by ${rules.join(', ')}`;
  return {
    name: property.name,
    place,
    lines: [`does not hold of this peer: ${effect}, ${cause}${by}; as a case:`, '', ...formatCounterexample(property, counterexample, policy).split('\n').map((line) => `  ${line}`)],
  };
}

function undecided({ looks, incomplete, allMoments, ...result }: PropertyResult): readonly string[] {
  return [
    `not proved: no counterexample among ${extent({ looks, ...result })}`,
    ...(allMoments ? [] : ['windows and expiries change more often than can be listed']),
    ...incomplete.map((key) => `the conditions on ${key} tell more apart than can be listed`),
    ...(result.decided < result.total ? ['allow more with `--max-looks`, or say less at once: with `where`, with `listeners`'] : []),
  ];
}

/** `120 of 4608 peers, listeners and times, in 12 looks`. */
export function extent({ decided, total, looks }: Pick<PropertyResult, 'decided' | 'total' | 'looks'>): string {
  return `${large(decided)} of ${large(total)} peers, listeners and times that can be told apart, in ${String(looks)} looks`;
}

/** Numbers beyond a quadrillion by their order. */
function large(number: bigint): string {
  const digits = number.toString();
  return digits.length <= 15 ? digits : `about 10^${String(digits.length - 1)}`;
}
