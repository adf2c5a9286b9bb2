export { readDocument, readDocumentFile, spanAt, type YamlDocument } from './document/document.js';
export { DEFAULT_LIMITS, type DocumentLimits } from './document/limits.js';
export { child, itemsOf, textOf, toPlain, type DocEntry, type DocList, type DocMap, type DocNode, type DocScalar, type PlainValue } from './document/node.js';
export { octalProblem } from './document/octal.js';
export { validateDocument, type SchemaError, type SchemaValidator, type ValidateOptions } from './document/validate.js';
export { quote } from './findings/escape.js';
export { FINDING_CODES, isFindingCode, type FindingCode, type FindingMeaning } from './findings/finding-codes.js';
export { FindingList, makeFinding, type PolicyFinding, type Span } from './findings/finding.js';
export { formatFinding, formatFindings, type FormatOptions } from './findings/format-finding.js';
export { SourceText, type Sources } from './findings/source-text.js';
export { Suppressions, type SuppressedFinding } from './findings/suppressions.js';
export { didYouMean } from './findings/suggest.js';
export { suggestKey } from './findings/suggest-key.js';
export { bundlePolicy, compilePolicyText, loadPolicy, requirePolicy, type CompileOptions, type LoadedPolicy, type LoadOptions, type PolicyBundle } from './source/load.js';
export { packPolicy, type PackedPolicy, type PolicyParcel, type RuleBatch } from './source/parcel.js';
export { unpackPolicy } from './source/unpack.js';
export type { ReviewOptions } from './review/review-policy.js';
export type { Condition, Group, Matcher, Test } from './source/condition.js';
export { parseMoment } from './source/moment.js';
export type { Rule } from './source/rule.js';
export type { RuleLimit } from './source/rule-limit.js';
export type { Window } from './source/window.js';
export { CompiledPolicy } from './decide/compiled-policy.js';
export {
  explain,
  type ConditionExplanation,
  type Explanation,
  type GroupExplanation,
  type RuleExplanation,
  type TestExplanation,
  type TruthName,
} from './explain/explain.js';
export { formatExplanation } from './explain/format-explanation.js';
export { parseEvidence, type ParsedEvidence } from './explain/parse-evidence.js';
export { loadPolicyTest, type LoadedTest, type LoadTestOptions } from './testing/load-test.js';
export type { ExpectedMiss, Expectation, PolicyTest, Property, TestCase, Threshold } from './testing/policy-test.js';
export { runTest, type RunTestOptions, type TestResult } from './testing/run-test.js';
export { explainCase, type CaseResult, type Mismatch } from './testing/run-case.js';
export { shareOf, type BranchCoverage, type Coverage, type RuleCoverage, type Share } from './testing/coverage.js';
export { formatPercent, uncovered } from './testing/coverage-findings.js';
export { MAX_LOOKS, type Counterexample, type PropertyResult } from './testing/properties/decide-property.js';
export { formatCounterexample } from './testing/counterexample.js';
export { formatDocument, type FormattedDocument } from './format/format-document.js';
export { Completions, type Completed } from './replay/completions.js';
export { readRecord, RecordProblem, type RecordedDecision } from './replay/recorded.js';
export { replayRecord, wasBesidePolicy, type Replayed } from './replay/replay-record.js';
export { ReplayReport, type ReplayCounts, type ReplayedPeer, type ReplayGroup, type Verdict } from './replay/replay-report.js';
export { comparePolicies, type Comparison, type Difference, type DifferenceKind } from './compare/compare-policies.js';
export { type RuleChanges } from './compare/changed-rules.js';
export { formatEvidence, holdsWitness } from './compare/witness.js';
export { Learner, type Generalisation, type Learnt, type LearntRule, type LeftOut } from './learn/learner.js';
export { observationOf, observe, type Observation } from './learn/observation.js';
export { writePolicy, writeTest } from './learn/write-policy.js';
