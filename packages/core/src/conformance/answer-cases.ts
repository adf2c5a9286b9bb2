import { deepEqual } from 'node:assert/strict';
import { definitionProblem, isFamily } from '../definition-problem.js';
import type { Finding, Findings } from '../evidence.js';
import { evidenced } from '../evidenced.js';
import { normaliseValues, sourceOf, type SelectorKey } from '../selector.js';
import { isTrustTier, trustRank } from '../tiers.js';
import type { SelectorDefinition } from '../catalogue.js';
import { keysOf, must, type Asking } from './asking.js';
import { caseOf, type Case } from './case.js';
import type { ConformanceSubject } from './subject.js';

/** What an attestor publishes, and whether its answers are of that kind. */
export const ANSWER_CASES: readonly Case[] = [
  caseOf('publishes a catalogue that can be used, and always the same', ({ attestor }) => {
    must(/^[a-z][a-z0-9-]{0,63}$/.test(attestor.name), '`name` has small letters, digits and dashes');
    must(attestor.selectors.length > 0, '`selectors` is empty');
    for (const definition of attestor.selectors) must(definitionProblem(definition) === undefined, definitionProblem(definition) ?? '');
    const keys = attestor.selectors.map(({ key }) => key);
    deepEqual([...new Set(keys)], keys, 'a key is defined twice');
    deepEqual(structuredClone(attestor.selectors), structuredClone(attestor.selectors), 'the catalogue changed between two looks');
  }),
  caseOf('has a finding for every wanted key', async (subject, ask) => {
    for (const keys of [keysOf(subject), ...[...keysOf(subject)].map((key) => [key])]) {
      const findings = await ask.raw(subject, await ask.open(subject), keys);
      for (const key of keys) must(findings.get(key) !== undefined, `there is no finding for \`${key}\`: say absent where you looked and it is not so, unknown where you could not look`);
    }
  }),
  caseOf('has no finding for a key that nobody wanted', async (subject, ask) => {
    for (const key of keysOf(subject)) {
      const findings = await ask.raw(subject, await ask.open(subject), [key]);
      for (const answered of findings.keys()) must(answered === key, `\`${answered}\` was answered where \`${key}\` was wanted: what nobody asks for costs, and may be sensitive`);
    }
  }),
  caseOf('says only what its catalogue says that it can', async (subject, ask) => {
    for (const [key, finding, definition] of await answersOf(subject, ask)) {
      const made = evidenced(definition, finding);
      must(made.state !== 'unknown' || made.why !== 'attestor-defect', `\`${key}\`: ${'detail' in made ? (made.detail ?? '') : 'a defect'}`);
    }
  }),
  caseOf('says no more than can be kept', async (subject, ask) => {
    for (const [key, finding, definition] of await answersOf(subject, ask)) {
      const made = evidenced(definition, finding);
      must(finding.state === 'unknown' || made.state !== 'unknown' || made.why !== 'limit', `\`${key}\` has ${'detail' in made ? (made.detail ?? 'too much') : 'too much'}: answer unknown, \`limit\`, yourself, before you hold it all`);
    }
  }),
  caseOf('claims no stronger tier than its catalogue promises', async (subject, ask) => {
    for (const [key, finding, { trust }] of await answersOf(subject, ask)) {
      if (finding.state === 'unknown' || finding.tier === undefined || !isTrustTier(finding.tier)) continue;
      must(trustRank(finding.tier) >= trustRank(trust), `\`${key}\` is said to be ${finding.tier}, its definition promises ${trust}: a finding may be worth less, never more`);
    }
  }),
  caseOf('has its values sorted and each once', async (subject, ask) => {
    for (const [key, finding] of await answersOf(subject, ask)) {
      if (finding.state === 'present' && finding.values.length <= 65_536) deepEqual([...finding.values], [...normaliseValues(finding.values)], `the values of \`${key}\`: use \`normaliseValues\``);
    }
  }),
  caseOf('does not change what it returned', async (subject, ask) => {
    const findings = await ask.raw(subject, await ask.open(subject), keysOf(subject));
    const before = structuredClone(new Map(findings));
    await ask.turns();
    deepEqual(new Map(findings), before, 'a finding changed after it was returned');
  }),
  caseOf('takes the names that a policy has, and says warnings in lines', async ({ attestor }, ask) => {
    if (attestor.prepare === undefined) return;
    const literals = new Map(attestor.selectors.filter(({ key }) => !isFamily(key)).map(({ key, example }) => [key, new Set([example])]));
    for (const some of [new Map(), literals, literals]) {
      const warnings = await ask.inTime(Promise.resolve(attestor.prepare(some)));
      must(Array.isArray(warnings) && warnings.every((one) => typeof one === 'string' && !one.includes('\n')), '`prepare` returns a list of single lines');
    }
  }),
];

type Answer = readonly [key: SelectorKey, finding: Finding, definition: SelectorDefinition];

async function answersOf(subject: ConformanceSubject, ask: Asking): Promise<readonly Answer[]> {
  const findings: Findings = await ask.raw(subject, await ask.open(subject), keysOf(subject));
  const { selectors } = subject.attestor;
  return [...keysOf(subject)].flatMap((key) => {
    const definition = selectors.find((one) => one.key === key) ?? selectors.find((one) => one.key === `${sourceOf(key)}:*`);
    const finding = findings.get(key);
    return definition === undefined || finding === undefined ? [] : [[key, finding, definition] as const];
  });
}
