import { valueProblem, type SelectorDefinition } from './catalogue.js';
import { UNKNOWN_REASONS, unknown, type Evidenced, type Finding, type Unknown } from './evidence.js';
import { normaliseValues, type SelectorValue } from './selector.js';
import { isTrustTier, weakestTier, type TrustTier } from './tiers.js';

/** More values than this of one key are not evidence but an attack on memory. */
const MOST_VALUES = 65_536;
/** Text of all values of one key together: more than Linux lets any argument or variable have. */
const MOST_TEXT = 1 << 20;
const MOST_DETAIL = 1024;

const REASONS: ReadonlySet<string> = new Set(UNKNOWN_REASONS);

/**
 * What an attestor said of one key, held against its catalogue and copied: whatever it keeps or does to its finding afterwards
 * changes nothing. What lies outside of the catalogue is unknown, never evidence.
 * @throws TypeError for what is no finding at all
 */
export function evidenced(definition: SelectorDefinition, finding: Finding, ceiling: TrustTier = definition.trust): Evidenced {
  // Each word is read once: a getter may say something else the next time.
  const { state } = finding;
  if (state === 'unknown') return reasoned(finding);
  const { tier: said = definition.trust } = finding;
  if (state === 'absent') return isTier(said) ? Object.freeze({ state, tier: weakestTier(definition.trust, said, ceiling) }) : noTier();
  if ((state as unknown) !== 'present') throw new TypeError('a finding is present, absent or unknown');
  const values = checked(definition, finding.values);
  if (!Array.isArray(values)) return values;
  if (!isTier(said)) return noTier();
  // A finding may be worth less than the catalogue promises, and than its peer allows, never more.
  return Object.freeze({ state, values: Object.freeze(values), tier: weakestTier(definition.trust, said, ceiling) });
}

function checked({ value: type, many }: SelectorDefinition, given: unknown): SelectorValue[] | Unknown {
  if (!Array.isArray(given)) return unknown('attestor-defect', 'its values are no list');
  const count = given.length;
  if (count === 0) return unknown('attestor-defect', 'present without a value');
  if (count > MOST_VALUES) return unknown('limit', `${String(count)} values`);
  if (count > 1 && !many) return unknown('attestor-defect', `${String(count)} values of a single-valued key`);
  const values: SelectorValue[] = [];
  let text = 0;
  for (let at = 0; at < count; at += 1) {
    const value: unknown = given[at];
    const problem = valueProblem(type, value);
    if (problem !== undefined) return unknown('attestor-defect', problem);
    if (typeof value === 'string' && (text += value.length) > MOST_TEXT) return unknown('limit', `values of more than ${String(MOST_TEXT)} characters`);
    values.push(value as SelectorValue);
  }
  return [...normaliseValues(values)];
}

function reasoned({ why, detail }: Unknown): Unknown {
  if (!REASONS.has(why)) return unknown('attestor-defect', 'unknown for a reason that nobody knows');
  return Object.freeze(unknown(why, typeof detail === 'string' ? detail.slice(0, MOST_DETAIL) : undefined));
}

/** Whatever its type says. */
function isTier(tier: TrustTier): boolean {
  return typeof tier === 'string' && isTrustTier(tier);
}

function noTier(): Unknown {
  return unknown('attestor-defect', 'it has a tier that is none');
}
