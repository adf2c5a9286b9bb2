import type { PolicyFinding } from '../findings/finding.js';
import { measureCoverage, type Coverage } from './coverage.js';
import { missedThresholds } from './coverage-findings.js';
import type { PolicyTest } from './policy-test.js';
import { decideProperty, MAX_LOOKS, type PropertyResult } from './properties/decide-property.js';
import { runCase, type CaseResult } from './run-case.js';

export interface RunTestOptions {
  /** Peers that are looked at for one property at most. */
  readonly maxLooks?: number;
}

export interface TestResult {
  readonly test: PolicyTest;
  /** Every case as expected, every property proved, every threshold reached. */
  readonly ok: boolean;
  readonly cases: readonly CaseResult[];
  readonly properties: readonly PropertyResult[];
  readonly coverage: Coverage;
  /** `TEST_COVERAGE`, for each threshold that is not reached. */
  readonly missed: readonly PolicyFinding[];
}

/** Runs a test. Pure: the clock is the test's, and nothing is read. */
export function runTest(test: PolicyTest, { maxLooks = MAX_LOOKS }: RunTestOptions = {}): TestResult {
  const { policy, clockMs } = test;
  const cases = test.cases.map((one) => runCase(policy, one));
  const properties = test.properties.map((property) => decideProperty(policy, property, clockMs, maxLooks));
  const coverage = measureCoverage(policy.rules, test.cases);
  const missed = missedThresholds(coverage, test.thresholds);
  const ok = cases.every((one) => one.ok) && properties.every(({ outcome }) => outcome === 'proved') && missed.length === 0;
  return Object.freeze({ test, ok, cases, properties, coverage, missed });
}
