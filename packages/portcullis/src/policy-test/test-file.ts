import type { Catalogue } from '@portcullis/core';
import { loadPolicyTest, runTest, type LoadedTest, type RunTestOptions, type TestResult } from '@portcullis/policy';
import { limitsOf } from '../limits.js';

/** A test file, and what came of it. `result` is undefined where the file, or the policy that it names, has errors. */
export interface RanFile {
  readonly file: string;
  readonly loaded: LoadedTest;
  readonly result: TestResult | undefined;
}

/** Loads a test file and runs it. Never throws for what it reads. */
export function runFile(file: string, catalogue: Catalogue, options: RunTestOptions & { readonly maxBytes?: number }): RanFile {
  const loaded = loadPolicyTest(file, { catalogue, ...limitsOf(options) });
  return { file, loaded, result: loaded.test === undefined ? undefined : runTest(loaded.test, options) };
}

export interface Totals {
  readonly passing: number;
  readonly failing: number;
}

/** Cases, properties and thresholds, and every file that could not be run as one failure. */
export function countAll(ran: readonly RanFile[]): Totals {
  let [passing, failing] = [0, 0];
  for (const { result } of ran) {
    if (result === undefined) failing++;
    else {
      const held = [...result.cases.map(({ ok }) => ok), ...result.properties.map(({ outcome }) => outcome === 'proved')];
      passing += held.filter((ok) => ok).length + result.test.thresholds.length - result.missed.length;
      failing += held.filter((ok) => !ok).length + result.missed.length;
    }
  }
  return { passing, failing };
}
