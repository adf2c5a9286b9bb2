import { costRank, type Evidence, type Evidenced, type Policy, type PolicyContext, type SelectorKey } from '@portcullis/core';
import { CATALOGUE } from './catalogue.js';

/** Asks as the engine does: of what is wanted, all keys of the cheapest tier; until nothing is wanted. */
export function collect(policy: Policy, full: Evidence, context: PolicyContext): Map<SelectorKey, Evidenced> {
  const evidence = new Map<SelectorKey, Evidenced>();
  for (let round = 0; round < 50; round++) {
    const wanted = [...policy.wanted(evidence, context)];
    if (wanted.length === 0) return evidence;
    const cost = (key: SelectorKey) => costRank(CATALOGUE.find(key)?.cost ?? 'remote');
    const cheapest = Math.min(...wanted.map(cost));
    for (const key of wanted) {
      if (evidence.has(key)) throw new Error(`${key} was asked already`);
      if (cost(key) === cheapest) evidence.set(key, full.get(key) ?? { state: 'unknown', why: 'no-attestor' });
    }
  }
  throw new Error('wanted never came to an end');
}
