import type { SelectorKey } from '@portcullis/core';
import type { CompiledPolicy, Condition } from '@portcullis/policy';
import type { HostFindings } from './host-findings.js';

/** What each enforced rule will meet on a host that cannot answer some keys (I4): said at start, not found in an outage. */
export function hostWarnings(policy: Pick<CompiledPolicy, 'rules'>, unknowable: ReadonlyMap<SelectorKey, string>, found: HostFindings, where = ''): void {
  if (unknowable.size === 0) return;
  for (const rule of policy.rules) {
    if (rule.shadow || rule.skipUnknown) continue;
    const missing = [...keysOf(rule.when)].filter((key) => unknowable.has(key));
    if (missing.length === 0) continue;
    const what = rule.effect === 'deny' ? 'it denies whoever the rest of it does not exclude' : 'it may allow nobody';
    found.ofRule('HOST_KEY_UNKNOWABLE', rule, `${where}${rule.effect} rule \`${rule.id}\` needs ${missing.map((key) => `\`${key}\` (${unknowable.get(key) ?? ''})`).join(', ')}, which this host cannot answer: ${what}`);
  }
}

function keysOf(condition: Condition, into = new Set<SelectorKey>()): ReadonlySet<SelectorKey> {
  if (condition.kind === 'test') into.add(condition.key);
  else for (const part of condition.conditions) keysOf(part, into);
  return into;
}
