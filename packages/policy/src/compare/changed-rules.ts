import type { Rule } from '../source/rule.js';
import { RuleShapes } from './rule-shape.js';

/** How the rules of two policies differ, by name. */
export interface RuleChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** With the words that mean something else: `when`, `grant`. */
  readonly changed: readonly { readonly id: string; readonly words: readonly string[] }[];
}

/** By name, shadow rules included. */
export function ruleChanges(before: readonly Rule[], after: readonly Rule[]): RuleChanges {
  const shapes = new RuleShapes();
  const old = new Map(before.map((rule) => [rule.id, rule]));
  const now = new Map(after.map((rule) => [rule.id, rule]));
  const changed = after.flatMap((rule) => {
    const was = old.get(rule.id);
    if (was === undefined) return [];
    const [a, b] = [shapes.words(was), shapes.words(rule)];
    const words = [...new Set([...a.keys(), ...b.keys()])].filter((word) => a.get(word) !== b.get(word)).map((word) => NAMES[word] ?? word);
    return words.length === 0 ? [] : [{ id: rule.id, words }];
  });
  return {
    added: after.filter(({ id }) => !old.has(id)).map(({ id }) => id),
    removed: before.filter(({ id }) => !now.has(id)).map(({ id }) => id),
    changed,
  };
}

/** Fields of a rule whose word in the policy is another. */
const NAMES: Readonly<Record<string, string>> = { expiresMs: 'expires', shadow: 'mode', skipUnknown: 'onUnknown', terms: 'lease' };

/** Enforced rules that one policy has and the other has not, whatever they are called: only these can make a difference. */
export function differingRules(before: readonly Rule[], after: readonly Rule[]): readonly Rule[] {
  const shapes = new RuleShapes();
  const left = new Map<string, Rule[]>();
  for (const rule of before) {
    if (rule.shadow) continue;
    const shape = shapes.shape(rule);
    left.set(shape, [...(left.get(shape) ?? []), rule]);
  }
  const shared = new Set<string>();
  const differing: Rule[] = [];
  for (const rule of after) {
    if (rule.shadow) continue;
    const shape = shapes.shape(rule);
    if (left.has(shape)) shared.add(shape);
    else differing.push(rule);
  }
  for (const [shape, rules] of left) if (!shared.has(shape)) differing.push(...rules);
  return differing;
}
