import type { Attestor } from './attestor.js';
import { Catalogue } from './catalogue.js';
import type { Policy } from './policy.js';
import type { SelectorKey, SelectorValue } from './selector.js';

/**
 * Hands every attestor the values that the policies name for its keys, and returns their warnings. Rejects with the first
 * attestor's failure.
 */
export async function prepareAttestors(attestors: readonly Attestor[], ...policies: readonly Policy[]): Promise<readonly string[]> {
  const warnings: string[] = [];
  for (const attestor of attestors) {
    if (attestor.prepare === undefined) continue;
    const own = new Catalogue(attestor.selectors);
    const literals = new Map<SelectorKey, ReadonlySet<SelectorValue>>();
    for (const policy of policies) {
      for (const [key, values] of policy.literals) {
        if (own.find(key) !== undefined) literals.set(key, new Set([...(literals.get(key) ?? []), ...values]));
      }
    }
    warnings.push(...(await attestor.prepare(literals)));
  }
  return warnings;
}
