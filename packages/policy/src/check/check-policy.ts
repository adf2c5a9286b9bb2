import type { CompiledRules } from '../compile/compile-rules.js';
import { quote } from '../findings/escape.js';
import type { FindingList } from '../findings/finding.js';
import type { FindingCode } from '../findings/finding-codes.js';
import { hasExpired, type Rule } from '../source/rule.js';
import { checkGrants } from './check-grants.js';
import { definitionsOf } from './definitions.js';
import { pinsOf } from './pins.js';

/** What the compiled rules show that single rules do not, and the warnings. */
export function checkPolicy(compiled: CompiledRules, findings: FindingList, nowMs: number | undefined): void {
  checkGrants(compiled, findings);
  const warn = (code: FindingCode, rule: Rule, message: string): void => {
    findings.report(code, rule.source, rule.span, message);
  };
  for (const { rule } of compiled.rules) {
    if (rule.skipUnknown) warn('POLICY_UNKNOWN_SKIPPED', rule, `rule ${quote(rule.id)} lets pass what it cannot know`);
    if (nowMs !== undefined && hasExpired(rule, nowMs)) warn('POLICY_RULE_EXPIRED', rule, `rule ${quote(rule.id)} has expired`);
  }
  if (!compiled.rules.some(({ rule }) => rule.effect === 'allow' && !rule.shadow)) {
    const [first] = compiled.rules;
    if (first !== undefined) warn('POLICY_NO_RULES', first.rule, 'no enforced rule allows anything');
  }
  const flags = definitionsOf(compiled.rules.map(({ rule }) => rule));
  const warned = new Set<string>();
  const once = (code: FindingCode, rule: Rule, message: string): void => {
    const key = `${code} ${rule.id}`;
    if (!warned.has(key)) warn(code, rule, message);
    warned.add(key);
  };
  for (const conjunct of compiled.conjuncts) {
    const { rule } = conjunct.rule;
    if (conjunct.rest !== undefined) once('POLICY_RESIDUAL', rule, `rule ${quote(rule.id)} is too branched to be indexed`);
    if (rule.effect !== 'allow') continue;
    const pinned = pinsOf(conjunct);
    const program = [...pinned].find((key) => flags.get(key)?.program === true);
    if (program !== undefined && ![...pinned].some((key) => flags.get(key)?.principal === true)) {
      once('POLICY_PROGRAM_WITHOUT_PRINCIPAL', rule, `rule ${quote(rule.id)} allows on ${quote(program)} without a principal`);
    }
    if (pinned.has('unix:path') && !pinned.has('unix:sha256')) {
      once('POLICY_PATH_WITHOUT_DIGEST', rule, `rule ${quote(rule.id)} allows on \`unix:path\` without \`unix:sha256\``);
    }
  }
}
