import type { Catalogue } from '@portcullis/core';
import type { YamlDocument } from '../document/document.js';
import { child, itemsOf } from '../document/node.js';
import { quote } from '../findings/escape.js';
import type { FindingList } from '../findings/finding.js';
import type { SourceText } from '../findings/source-text.js';
import { ConditionParser } from './parse-condition.js';
import { namesProgram, parseLease } from './lease.js';
import { parseRule } from './parse-rule.js';
import type { Rule } from './rule.js';
import { SetResolver } from './sets.js';

export interface ParseOptions {
  readonly catalogue: Catalogue;
  readonly knownListeners: ReadonlySet<string> | undefined;
  readonly findings: FindingList;
}

/** Rules between two steps: some milliseconds. */
const RULES_OF_A_STEP = 256;

/** The checked rules of a policy's documents, which are sound by the schema. Sets of all files are shared by all. */
export function parsePolicy(documents: readonly YamlDocument[], options: ParseOptions): readonly Rule[] {
  const steps = parseSteps(documents, options);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** The same in steps, for who has something else to do between them. */
export function* parseSteps(documents: readonly YamlDocument[], { catalogue, knownListeners, findings }: ParseOptions): Generator<undefined, readonly Rule[]> {
  const parsers = new Map<SourceText, ConditionParser>();
  const sets = new SetResolver(findings, (entry, source) => parserOf(source).parse(entry.value));
  const parserOf = (source: SourceText): ConditionParser => {
    let parser = parsers.get(source);
    if (parser === undefined) parsers.set(source, (parser = new ConditionParser(source, catalogue, sets, findings)));
    return parser;
  };
  for (const { root, source } of documents) {
    const defined = child(root, 'sets');
    if (defined?.kind === 'map') for (const entry of defined.entries.values()) sets.define(entry, source);
  }
  const rules = new Map<string, Rule>();
  const unbound = new Set<string>();
  let read = 0;
  const ofMain = parseLease(documents[0]?.root);
  for (const { root, source } of documents) {
    const lease = { ...ofMain, ...parseLease(root) };
    const context = { source, conditions: parserOf(source), findings, catalogue, knownListeners, lease, unbound };
    for (const node of itemsOf(root, 'rules')) {
      if (++read % RULES_OF_A_STEP === 0) yield;
      const rule = node.kind === 'map' ? parseRule(node, context) : undefined;
      if (rule === undefined) continue;
      const taken = rules.get(rule.id);
      if (taken === undefined) rules.set(rule.id, rule);
      else {
        const { file, line } = taken.source.placeAt(taken.span.offset);
        findings.report('POLICY_DUPLICATE_RULE', source, rule.span, `there is a rule ${quote(rule.id)} in ${quote(`${file}:${String(line)}`)} already`);
      }
    }
  }
  sets.finish();
  return Object.freeze(bound([...rules.values()], unbound));
}

/** Whom an allow lets in beside a deny of programs, it lets in as the program that was looked at: an exec matters there, too (I7). */
function bound(rules: Rule[], unbound: ReadonlySet<string>): Rule[] {
  const denies = rules.filter(({ effect, shadow, when }) => effect === 'deny' && !shadow && namesProgram(when));
  if (denies.length === 0 || unbound.size === 0) return rules;
  const everywhere = denies.some(({ listeners }) => listeners === undefined);
  const where = new Set(denies.flatMap(({ listeners }) => [...(listeners ?? [])]));
  const meetsOne = ({ listeners }: Rule): boolean => everywhere || listeners === undefined || [...listeners].some((listener) => where.has(listener));
  return rules.map((rule) => (unbound.has(rule.id) && meetsOne(rule) ? Object.freeze({ ...rule, terms: Object.freeze({ ...rule.terms, onExec: 'revoke' }) }) : rule));
}
