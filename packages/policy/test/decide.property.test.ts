import assert from 'node:assert/strict';
import fc from 'fast-check';
import { exhaustedLimits, type Decision, type Evidence } from '@portcullis/core';
import { compilePolicyText, formatFindings, type CompiledPolicy } from '@portcullis/policy';
import { fullEvidence, LISTENERS, MOMENTS, NOW, policyDoc } from './support/arbitrary.js';
import { CATALOGUE } from './support/catalogue.js';
import { collect } from './support/collect.js';
import { oracleDecide, oracleShadow, type PolicyDoc } from './support/oracle.js';

const RUNS = Number(process.env['PORTCULLIS_PROPERTY_RUNS'] ?? 400);

function compile(doc: PolicyDoc): CompiledPolicy {
  const loaded = compilePolicyText(JSON.stringify({ apiVersion: 'portcullis/v1', kind: 'AdmissionPolicy', ...doc }), { catalogue: CATALOGUE });
  assert.ok(loaded.policy, formatFindings(loaded.findings, loaded.sources));
  return loaded.policy;
}

const listener = fc.constantFrom(...LISTENERS, 'unbound');
const moment = fc.constantFrom(...MOMENTS);
/** Which of the rules have no room left, by a digit of their id. */
const noRoom = fc.uniqueArray(fc.constantFrom<string>('0', '1', '2', '3', '4', '5')).map((digits) => (doc: PolicyDoc) => new Set(doc.rules.map(({ id }) => id).filter((id) => digits.includes(id.slice(-1)))));

function check(maxRules: number, property: (doc: PolicyDoc, evidence: Evidence, name: string, nowMs: number, full: ReadonlySet<string>) => void): void {
  fc.assert(fc.property(policyDoc(maxRules), fc.array(fullEvidence, { minLength: 1, maxLength: 4 }), listener, moment, noRoom, (doc, peers, name, nowMs, full) => {
    for (const evidence of peers) property(doc, evidence, name, nowMs, full(doc));
  }), { numRuns: maxRules > 100 ? Math.ceil(RUNS / 10) : maxRules > 20 ? Math.ceil(RUNS / 4) : RUNS });
}

for (const maxRules of [5, 60, 400]) {
  describe(`decisions of random policies of up to ${String(maxRules)} rules`, () => {
    it('are those of the slow oracle, in effect, cause, rules and grant', () => {
      check(maxRules, (doc, evidence, name, nowMs, full) => {
        const { limits, ...decision } = compile(doc).decide(evidence, { listener: name, nowMs, limits: exhaustedLimits(full) });
        const charged = limits?.map(({ rule }) => rule);
        const expected = oracleDecide(doc, evidence, name, nowMs, full);
        assert.deepEqual({ ...decision, rules: [...decision.rules], grant: { ...decision.grant }, ...(charged && { charged }) }, expected);
      });
    });

    it('have the same effect and grant when only wanted keys were collected', () => {
      check(maxRules, (doc, full, name, nowMs, exhausted) => {
        const policy = compile(doc);
        const context = { listener: name, nowMs, limits: exhaustedLimits(exhausted) };
        const evidence = collect(policy, full, context);
        const decision = policy.decide(evidence, context);
        const expected = oracleDecide(doc, full, name, nowMs, exhausted);
        assert.equal(decision.effect, expected.effect);
        assert.deepEqual({ ...decision.grant }, expected.grant);
        // What is named in a record holds of the peer, whatever else was left unasked.
        if (decision.cause === 'rule' && decision.effect === 'deny') for (const id of decision.rules) assert.ok(expected.rules.includes(id));
        if (decision.cause === 'rule' && decision.effect === 'allow') for (const id of decision.rules) assert.ok(expected.rules.includes(id));
        if (decision.cause === 'unknown-evidence') assert.notEqual(expected.cause, 'default');
      });
    });

    it('give the shadow results of the oracle, and want no enforced key for them twice', () => {
      check(maxRules, (doc, full, name, nowMs) => {
        const policy = compile(doc);
        const context = { listener: name, nowMs };
        const shadow = policy.shadow(full, context).map(({ rule, matched }) => `${rule} ${matched}`).sort();
        assert.deepEqual(shadow, oracleShadow(doc, full, name, nowMs));
        assert.equal(policy.wantedByShadow(full, context).size, 0);
        assert.equal(policy.wanted(full, context).size, 0);
      });
    });
  });
}

describe('a decision', () => {
  it('does not depend on the order of the rules', () => {
    check(20, (doc, evidence, name) => {
      const context = { listener: name, nowMs: NOW };
      const forwards = compile(doc).decide(evidence, context);
      const backwards = compile({ ...doc, rules: [...doc.rules].reverse() }).decide(evidence, context);
      const sorted = ({ rules, limits, ...rest }: Decision) => ({ ...rest, rules: [...rules].sort(), limits: limits?.map(({ id }) => id).sort() });
      assert.deepEqual(sorted(backwards), sorted(forwards));
    });
  });

  it('never becomes an allow because something turned unknown', () => {
    check(20, (doc, evidence, name) => {
      const policy = compile({ ...doc, rules: doc.rules.filter(({ onUnknown }) => onUnknown !== 'skip') });
      const context = { listener: name, nowMs: NOW };
      if (policy.decide(evidence, context).effect === 'allow') return;
      for (const [key] of evidence) {
        const worse = new Map(evidence).set(key, { state: 'unknown', why: 'permission' });
        assert.equal(policy.decide(worse, context).effect, 'deny');
      }
    });
  });
});
