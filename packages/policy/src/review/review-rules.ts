import { trustSuffices, type SelectorKey } from '@portcullis/core';
import type { CompiledRules } from '../compile/compile-rules.js';
import type { Conjunct } from '../compile/compiled-rule.js';
import { definitionsOf } from '../check/definitions.js';
import { quote } from '../findings/escape.js';
import type { FindingList } from '../findings/finding.js';
import { pinsOf } from '../check/pins.js';
import { formatUntil } from '../source/moment.js';
import type { Rule } from '../source/rule.js';
import { interpretersOf } from './interpreters.js';
import type { ReviewOptions } from './review-policy.js';

/** What single rules show: trust that is said but thin, interpreters, an end that is near. */
export function reviewRules({ rules, conjuncts }: CompiledRules, findings: FindingList, nowMs: number | undefined, { expiresWithinMs }: ReviewOptions): void {
  for (const { rule } of rules) {
    const { expiresMs } = rule;
    if (nowMs === undefined || expiresMs === undefined || expiresMs <= nowMs || expiresMs > nowMs + expiresWithinMs) continue;
    findings.report('POLICY_RULE_EXPIRES_SOON', rule.source, rule.span, `rule ${quote(rule.id)} expires ${formatUntil(expiresMs, nowMs)}`);
  }
  const definitions = definitionsOf(rules.map(({ rule }) => rule));
  const isWeak = (key: SelectorKey): boolean => !trustSuffices(definitions.get(key)?.trust ?? 'peer-asserted', 'image');
  const told = new Set<string>();
  for (const conjunct of conjuncts) {
    const { rule } = conjunct.rule;
    if (rule.effect !== 'allow') continue;
    const once = (code: 'POLICY_WEAK_TIER' | 'POLICY_INTERPRETER', message: string): void => {
      if (!told.has(`${code} ${rule.id}`)) findings.report(code, rule.source, rule.span, message);
      told.add(`${code} ${rule.id}`);
    };
    const weak = weakness(conjunct, isWeak, (key) => definitions.get(key)?.trust ?? 'unknown');
    if (weak !== undefined) once('POLICY_WEAK_TIER', `rule ${quote(rule.id)} ${weak}`);
    const [interpreter] = interpretersOf(conjunct.literals);
    if (interpreter !== undefined) once('POLICY_INTERPRETER', `rule ${quote(rule.id)} names the interpreter ${quote(interpreter)}: whoever runs it chooses the program`);
  }
}

function weakness(conjunct: Conjunct, isWeak: (key: SelectorKey) => boolean, trustOf: (key: SelectorKey) => Rule['requires'] | 'unknown'): string | undefined {
  const keys = [...new Set(conjunct.literals.map(({ key }) => key))];
  const weak = keys.find(isWeak);
  if (weak === undefined) return undefined;
  const strong = [...pinsOf(conjunct)].find((key) => !isWeak(key));
  const rests = `rests on ${quote(weak)}, which is ${trustOf(weak)}`;
  return strong === undefined ? `${rests}, and on nothing firmer` : `${rests}, beside ${quote(strong)}`;
}
