import { quote } from '../findings/escape.js';
import { makeFinding, type PolicyFinding } from '../findings/finding.js';
import { shareOf, type Coverage } from './coverage.js';
import type { Threshold } from './policy-test.js';

/** What no case reaches, as findings in the policy's files: every rule that never matched, every branch never taken. */
export function uncovered({ rules, branches }: Coverage): readonly PolicyFinding[] {
  const ofRules = rules.filter(({ matched }) => matched === 0).map(({ rule }) => makeFinding('TEST_UNCOVERED_RULE', rule.source, rule.span, `no case makes rule ${quote(rule.id)} match`));
  const ofBranches = branches.flatMap(({ test, held, failed }) => {
    const missing = held + failed === 0 ? 'hold or fail' : held === 0 ? 'hold' : failed === 0 ? 'fail' : undefined;
    if (missing === undefined) return [];
    return [makeFinding('TEST_UNCOVERED_BRANCH', test.source, test.span, `no case in which ${quote(test.key)} decides has it ${missing}`)];
  });
  return Object.freeze([...ofRules, ...ofBranches]);
}

/** The thresholds that are not reached, as findings in the test file. */
export function missedThresholds(coverage: Coverage, thresholds: readonly Threshold[]): readonly PolicyFinding[] {
  return thresholds.flatMap(({ of, percent: wanted, source, span }) => {
    const { covered, total, percent } = shareOf(coverage, of);
    if (percent >= wanted) return [];
    return [makeFinding('TEST_COVERAGE', source, span, `the cases cover ${String(covered)} of ${String(total)} ${of}, ${formatPercent(percent)}; ${formatPercent(wanted)} are asked for`)];
  });
}

/** Rounded down: 99.96 % is not 100 %. */
export function formatPercent(percent: number): string {
  return `${String(Math.floor(percent * 10) / 10)} %`;
}
