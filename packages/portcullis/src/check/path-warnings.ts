import { escapeText } from '@portcullis/core';
import type { CompiledPolicy, Condition, Test } from '@portcullis/policy';
import type { HostFindings } from './host-findings.js';
import { whyReplaceable } from './replaceable.js';

/** Enforced rules that name a program by a path where somebody other than root can put another one. */
export function pathWarnings({ rules }: CompiledPolicy, found: HostFindings): void {
  for (const rule of rules) {
    if (rule.shadow) continue;
    for (const [path, test] of pathsOf(rule.when)) {
      const why = whyReplaceable(path);
      // A test of a set may stand in another file: what is allowed is allowed where the rule is.
      if (why !== undefined) found.ofRule('HOST_PATH_REPLACEABLE', rule, `${rule.effect} rule \`${rule.id}\` names \`unix:path\` \`${escapeText(path)}\`, which others than root can replace: ${escapeText(why)}`, test.source === rule.source ? test : rule);
    }
  }
}

/** The exact paths below a condition, negated ones too: both trust that the path is that program. */
function pathsOf(condition: Condition, into = new Map<string, Test>()): ReadonlyMap<string, Test> {
  if (condition.kind !== 'test') for (const part of condition.conditions) pathsOf(part, into);
  else if (condition.key === 'unix:path') for (const value of exactOf(condition.matcher)) into.set(String(value), condition);
  return into;
}

function exactOf(matcher: Test['matcher']): Iterable<unknown> {
  if (matcher.op === 'not') return exactOf(matcher.matcher);
  return matcher.op === 'exact' ? matcher.values : [];
}
