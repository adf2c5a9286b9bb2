import { escapeJson, type Catalogue, type Evidence, type Evidenced, type SelectorValue } from '@portcullis/core';
import type { CompiledPolicy } from '../decide/compiled-policy.js';
import { parseEvidence } from '../explain/parse-evidence.js';
import { differenceOf, type Difference } from './compare-policies.js';

/**
 * Evidence as an evidence file, which `explain --evidence` reads. What is unknown is not mentioned. Values of sensitive
 * keys stand in it as the policies spell them: they are the policies' own, no peer's.
 */
export function formatEvidence(evidence: Evidence, catalogue: Catalogue): string {
  const known = [...evidence].filter(([, { state }]) => state !== 'unknown');
  const weak = known.flatMap(([key, seen]) => (seen.state !== 'unknown' && seen.tier !== catalogue.find(key)?.trust ? [`${key}: ${seen.tier}`] : []));
  const lines = [...known.map(([key, seen]) => `${key}: ${spell(seen)}`), ...(weak.length === 0 ? [] : [`tiers: { ${weak.join(', ')} }`])];
  return lines.length === 0 ? '{}\n' : `${lines.join('\n')}\n`;
}

/**
 * Whether the witness of a difference, written down and read again, is decided differently by the two policies, in this way:
 * the search is not believed.
 */
export function holdsWitness({ kind, listener, nowMs, peer }: Difference, before: CompiledPolicy, after: CompiledPolicy, catalogue: Catalogue): boolean {
  const { evidence } = parseEvidence(formatEvidence(peer, catalogue), catalogue, 'witness');
  if (evidence === undefined) return false;
  const context = { listener, nowMs };
  return differenceOf(before.decide(evidence, context), after.decide(evidence, context)) === kind;
}

function spell(seen: Evidenced): string {
  if (seen.state !== 'present') return 'null';
  const [only] = seen.values;
  return seen.values.length === 1 && only !== undefined ? value(only) : `[${seen.values.map(value).join(', ')}]`;
}

/** Quoted as JSON, which is YAML too, and safe to show (I11). */
function value(one: SelectorValue): string {
  return typeof one === 'string' ? escapeJson(JSON.stringify(one)) : String(one);
}
