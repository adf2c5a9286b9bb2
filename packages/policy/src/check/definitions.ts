import type { SelectorDefinition, SelectorKey } from '@portcullis/core';
import type { Condition } from '../source/condition.js';
import type { Rule } from '../source/rule.js';

/** The definitions of the keys that rules mention. */
export function definitionsOf(rules: readonly Rule[]): ReadonlyMap<SelectorKey, SelectorDefinition> {
  const definitions = new Map<SelectorKey, SelectorDefinition>();
  const seen = new Set<Condition>();
  const visit = (condition: Condition): void => {
    if (condition.kind === 'test') {
      definitions.set(condition.key, condition.definition);
      return;
    }
    if (seen.has(condition)) return;
    seen.add(condition);
    for (const part of condition.conditions) visit(part);
  };
  for (const rule of rules) visit(rule.when);
  return definitions;
}
