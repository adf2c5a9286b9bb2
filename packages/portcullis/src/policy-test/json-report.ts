import { escapeJson } from '@portcullis/core';
import { formatCounterexample, shareOf, uncovered, type TestResult } from '@portcullis/policy';
import { countAll, type RanFile } from './test-file.js';

/** What came of test files, as one line of JSON. Numbers of peers are text: they may be larger than a number holds. */
export function jsonReport(ran: readonly RanFile[]): string {
  const { passing, failing } = countAll(ran);
  const files = ran.map(({ file, loaded, result }) => ({ file, ok: result?.ok === true, findings: loaded.findings, ...(result === undefined ? {} : ofResult(result)) }));
  return escapeJson(JSON.stringify({ ok: failing === 0, passing, failing, files }));
}

function ofResult(result: TestResult): object {
  const { test, cases, properties, coverage, missed } = result;
  const { name, revision } = test.policy;
  return {
    policy: { name, revision },
    cases: cases.map(({ test: { name: title, listener, source, span }, ok, mismatches, decision, shadow, nearest }) => ({
      name: title, listener, place: source.placeAt(span.offset), ok, mismatches, decision, shadow, ...(nearest && { nearest }),
    })),
    properties: properties.map(({ property, outcome, counterexample, decided, total, looks, incomplete, allMoments }) => ({
      name: property.name,
      place: property.source.placeAt(property.span.offset),
      outcome,
      decided: String(decided),
      total: String(total),
      looks,
      incomplete,
      allMoments,
      ...(counterexample && { counterexample: { listener: counterexample.listener, clock: new Date(counterexample.nowMs).toISOString(), decision: counterexample.decision, case: formatCounterexample(property, counterexample, test.policy) } }),
    })),
    coverage: { rules: shareOf(coverage, 'rules'), branches: shareOf(coverage, 'branches'), missed, uncovered: uncovered(coverage) },
  };
}
