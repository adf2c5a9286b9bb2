import { isTrustTier, trustSuffices, type Catalogue, type Grant, type Json } from '@portcullis/core';
import { child, itemsOf, textOf, type DocMap, type DocNode } from '../document/node.js';
import { quote } from '../findings/escape.js';
import type { FindingList } from '../findings/finding.js';
import type { SourceText } from '../findings/source-text.js';
import { didYouMean } from '../findings/suggest.js';
import type { Condition } from './condition.js';
import { alwaysNamesProgram, parseLease, termsOf, type LeaseWords } from './lease.js';
import { parseMoment } from './moment.js';
import type { ConditionParser } from './parse-condition.js';
import { parseLimit } from './parse-limit.js';
import { parseWindow } from './parse-window.js';
import type { Rule } from './rule.js';

/** Tests of one rule with its sets written out. */
const MAX_TESTS = 10_000;

export interface RuleContext {
  readonly source: SourceText;
  readonly conditions: ConditionParser;
  readonly findings: FindingList;
  readonly catalogue: Catalogue;
  /** What the document says for all its rules. */
  readonly lease: LeaseWords;
  /** Gets the ids of allows for which nothing says what an exec does, and that name no program. */
  readonly unbound: Set<string>;
  /** The listeners of the gate, where they are known. */
  readonly knownListeners: ReadonlySet<string> | undefined;
}

/** Reads one rule. The document is sound by the schema. Undefined where the rule has an error. */
export function parseRule(node: DocMap, context: RuleContext): Rule | undefined {
  const { source, findings } = context;
  const effect = textOf(node, 'effect') === 'deny' ? 'deny' : 'allow';
  const id = textOf(node, 'id') ?? '';
  const idNode = child(node, 'id') ?? node;
  checkPlaces(node, effect, context);
  checkListeners(node, context);
  const whenNode = child(node, 'when');
  const when = whenNode === undefined ? undefined : context.conditions.parse(whenNode);
  const expiresMs = parseExpires(child(node, 'expires'), context);
  const window = parseWindow(child(node, 'window'), source, findings);
  const limit = parseLimit(child(node, 'limit'), id, source, context.catalogue, findings);
  if (when === undefined) return undefined;
  if (when.size > MAX_TESTS) {
    findings.report('POLICY_TOO_COMPLEX', source, idNode, `the condition of rule ${quote(id)} has ${String(when.size)} tests with its sets written out, the limit is ${String(MAX_TESTS)}`);
    return undefined;
  }
  const requires = textOf(node, 'requires');
  const words = parseLease(node);
  const rule: Rule = {
    id,
    effect,
    when,
    listeners: child(node, 'listeners') === undefined ? undefined : new Set(itemsOf(node, 'listeners').map(text)),
    shadow: textOf(node, 'mode') === 'shadow',
    expiresMs,
    window,
    limit: effect === 'allow' ? limit : undefined,
    requires: effect === 'deny' ? 'peer-asserted' : requires !== undefined && isTrustTier(requires) ? requires : 'image',
    skipUnknown: textOf(node, 'onUnknown') === 'skip',
    grant: grantOf(child(node, 'grant')),
    terms: termsOf(words, context.lease, when),
    reason: textOf(node, 'reason'),
    annotations: grantOf(child(node, 'annotations')) as Readonly<Record<string, string>>,
    source,
    span: { offset: idNode.offset, length: idNode.length },
  };
  if (effect === 'allow' && rule.terms.onExec === 'ignore' && (words.onExec ?? context.lease.onExec) === undefined) context.unbound.add(id);
  if (effect === 'allow') checkExec(rule, child(child(node, 'lease'), 'onExec') ?? idNode, words.onExec ?? context.lease.onExec, context);
  if (effect === 'allow') checkTrust(rule, whenNode ?? node, requires !== undefined, context);
  return Object.freeze(rule);
}

/** Words that one of the two effects has no meaning for. */
function checkPlaces(node: DocMap, effect: 'allow' | 'deny', { source, findings }: RuleContext): void {
  const misplaced = effect === 'deny' ? ['requires', 'grant', 'lease', 'handoff', 'limit'] : ['onUnknown'];
  for (const word of misplaced) {
    const entry = node.entries.get(word);
    if (entry === undefined) continue;
    const other = effect === 'deny' ? 'an allow' : 'a deny';
    findings.report('POLICY_WORD_MISPLACED', source, entry, `\`${word}\` has a meaning on ${other} rule only`);
  }
}

function checkListeners(node: DocMap, { source, findings, knownListeners }: RuleContext): void {
  if (knownListeners === undefined) return;
  for (const item of itemsOf(node, 'listeners')) {
    if (knownListeners.has(text(item))) continue;
    findings.report('POLICY_UNKNOWN_LISTENER', source, item, `there is no listener ${quote(text(item))}`, didYouMean(text(item), knownListeners));
  }
}

function parseExpires(node: DocNode | undefined, { source, findings }: RuleContext): number | undefined {
  if (node === undefined) return undefined;
  const ms = parseMoment(text(node));
  if (ms === undefined) findings.report('POLICY_EXPIRES', source, node, `${quote(text(node))} is not a moment in time`);
  return ms;
}

/** I7: a program that nobody asked for was not looked at, and no other can be found in its place. */
function checkExec({ id, when }: Rule, at: DocNode, said: LeaseWords['onExec'], { source, findings }: RuleContext): void {
  if (said !== 'revoke' || alwaysNamesProgram(when)) return;
  findings.report('POLICY_LEASE_PROGRAM', source, at, `rule ${quote(id)} has \`onExec: revoke\` and lets in peers of whom no program is asked for`);
}

/** Point 10: who allows on a key weaker than `image` says so in the rule. */
function checkTrust(rule: Rule, whenNode: DocNode, saidSo: boolean, { source, findings }: RuleContext): void {
  const seen = new Set<Condition | string>();
  const visit = (condition: Condition): void => {
    if (seen.has(condition)) return;
    seen.add(condition);
    if (condition.kind !== 'test') {
      for (const part of condition.conditions) visit(part);
      return;
    }
    const { trust } = condition.definition;
    if (!trustSuffices(trust, rule.requires) && !seen.has(condition.key)) {
      seen.add(condition.key);
      const what = saidSo ? `\`requires: ${rule.requires}\`` : `the default, \`requires: ${rule.requires}\``;
      const span = condition.source === source ? condition.span : whenNode;
      findings.report('POLICY_WEAK_TRUST', source, span, `rule ${quote(rule.id)} rests on ${quote(condition.key)}, which is ${trust}: weaker than ${what}`, `say \`requires: ${trust}\` if that will do`);
    }
  };
  visit(rule.when);
  for (const test of rule.limit?.tests ?? []) visit(test);
}

function text(node: DocNode): string {
  return node.kind === 'scalar' ? String(node.value) : '';
}

/** A mapping as frozen JSON data; empty where there is none. */
export function grantOf(node: DocNode | undefined): Grant {
  return node?.kind === 'map' ? (frozenJson(node) as Grant) : EMPTY;
}

const EMPTY: Grant = Object.freeze({});

/** Ordinary objects, as an application expects: `Object.fromEntries` makes `__proto__` a property like any other. */
function frozenJson(node: DocNode): Json {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return Object.freeze(node.items.map(frozenJson));
  return Object.freeze(Object.fromEntries([...node.entries].map(([key, entry]) => [key, frozenJson(entry.value)])));
}
