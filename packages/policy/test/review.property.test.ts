// What a review claims of rules must hold for every peer: random policies, and random peers that the slow oracle judges.
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { compilePolicyText, formatFindings, type PolicyFinding } from '@portcullis/policy';
import { fullEvidence, LISTENERS, NOW, policyDoc } from './support/arbitrary.js';
import { CATALOGUE } from './support/catalogue.js';
import { oracleDecide, oracleRule, type ConditionDoc, type OracleDecision, type PolicyDoc, type RuleDoc } from './support/oracle.js';

const RUNS = Number(process.env['PORTCULLIS_PROPERTY_RUNS'] ?? 400);
const TIMES = [NOW - 300 * 86_400_000 * 3, NOW, NOW + 86_400_000 * 400];

/** The rule that a finding is about, and the other that its message names first. */
function rulesOf(doc: PolicyDoc, { message }: PolicyFinding) {
  const [one, ...others] = [...message.matchAll(/`(r[0-9]+)`/g)].map(([, id]) => doc.rules.find((rule) => rule.id === id));
  assert.ok(one);
  return { one, others };
}

/** Beside each rule one with its condition, narrower or as it is, and now and then with the other effect. */
function withNeighbours(doc: PolicyDoc, pick: readonly number[]): PolicyDoc {
  const more = doc.rules.map((rule, index): RuleDoc => {
    const id = `r${String(doc.rules.length + index)}`;
    const choice = pick[index] ?? 0;
    const other = doc.rules[(index + choice) % doc.rules.length];
    const when: ConditionDoc = choice % 3 === 0 || other === undefined ? rule.when : { all: [rule.when, other.when] };
    if (choice % 2 === 0) return { ...rule, id, when, ...(rule.effect === 'allow' && { requires: 'peer-asserted' }) };
    return { id, when, effect: rule.effect === 'allow' ? 'deny' : 'allow', ...(rule.effect === 'deny' && { requires: 'peer-asserted' }) };
  });
  return { ...doc, rules: [...doc.rules, ...more] };
}

const effectOf = ({ effect, grant, terms }: OracleDecision) => ({ effect, grant, terms });

describe('a review of random policies', () => {
  it('claims nothing that some peer, unknowns included, disproves', function () {
    this.timeout(300_000);
    const found = new Map<string, number>();
    fc.assert(fc.property(policyDoc(6), fc.array(fc.nat(5), { minLength: 6, maxLength: 6 }), fc.array(fullEvidence, { minLength: 20, maxLength: 40 }), (plain, pick, peers) => {
      const doc = withNeighbours(plain, pick);
      const text = JSON.stringify({ apiVersion: 'portcullis/v1', kind: 'AdmissionPolicy', ...doc });
      const loaded = compilePolicyText(text, { catalogue: CATALOGUE, review: { expiresWithinMs: 0 } });
      assert.ok(loaded.policy, formatFindings(loaded.findings, loaded.sources));
      for (const finding of loaded.findings) {
        const { code } = finding;
        if (!['POLICY_NEVER_MATCHES', 'POLICY_ALLOW_ALWAYS_DENIED', 'POLICY_RULE_COVERED', 'POLICY_DUPLICATE_CONDITION'].includes(code)) continue;
        found.set(code, (found.get(code) ?? 0) + 1);
        const { one, others: [other] } = rulesOf(doc, finding);
        for (const evidence of peers) {
          const truth = oracleRule(doc, one, evidence);
          if (code === 'POLICY_NEVER_MATCHES') assert.notEqual(truth, 'true', finding.message);
          if (code === 'POLICY_DUPLICATE_CONDITION') assert.equal(truth, other && oracleRule(doc, other, evidence), finding.message);
          if (code === 'POLICY_NEVER_MATCHES' || code === 'POLICY_DUPLICATE_CONDITION') continue;
          for (const listener of [...LISTENERS, 'unbound']) {
            for (const now of TIMES) {
              const decided = oracleDecide(doc, evidence, listener, now);
              if (code === 'POLICY_ALLOW_ALWAYS_DENIED') assert.ok(!decided.rules.includes(one.id), finding.message);
              const without = oracleDecide({ ...doc, rules: doc.rules.filter((rule) => rule !== one) }, evidence, listener, now);
              assert.ok(isDeepStrictEqual(effectOf(without), effectOf(decided)), `${finding.message}: ${JSON.stringify([[...evidence], decided, without])}`);
            }
          }
        }
      }
    }), { numRuns: RUNS });
    // A review that finds nothing would pass as well.
    for (const code of ['POLICY_NEVER_MATCHES', 'POLICY_ALLOW_ALWAYS_DENIED', 'POLICY_RULE_COVERED', 'POLICY_DUPLICATE_CONDITION']) assert.ok((found.get(code) ?? 0) > 20, JSON.stringify([...found]));
  });
});
